"""The cheapest recipe within a loss gap: found by narrowing one tensor after the other, judged as drift is judged.

``question.py`` says what is asked for, and how it is written down; ``moves.py`` what may be narrowed, for all layers
and for single ones; ``descent.py`` in which order it is tried; ``judging.py`` whether a recipe is within the budget;
``course.py`` follows it all through; ``search.py`` runs it, into a folder; ``answer.py`` is what comes out, ``page.py``
its page. What a recipe costs
stands in ``drift/cost.py``.
"""
