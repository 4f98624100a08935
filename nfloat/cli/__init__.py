"""The command line: one file per command, found by itself.

A module here whose name does not start with an underscore is a command of the same name and holds it as `command`
(``main.py`` alone is the group). Modules that start with an underscore are what commands share: ``_errors.py`` (how a
mistake ends), ``_output.py`` (tables, JSON), ``_progress.py`` (the bar on stderr).
"""
