"""`estimate`: about how long a run will take, from a few steps of each recipe that are tried here and now.

What is tried is thrown away: it changes no row, and costs less than a hundredth of a run that takes minutes. Neither
compiling nor what else the machine does is in it. How many trainings explain a verdict is known only with the verdicts,
so that part stands apart.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection
from typing import NamedTuple

from .. import nn
from ..ops.threads import available
from .ablation import first_members
from .attribution import layer_sources, single_sources
from .comparison import Comparison
from .ensemble import measured_steps
from .layers import layers_of
from .members import Member, members, rounds, seeds
from .plan import Training
from .recorder import Recorder
from .tensors import looked_at
from .trainable import Trainable

#: trainings without a place, and with repairs, that follow those with one place rounded
_FURTHER = 5


class Estimate(NamedTuple):
    """What is left of a run, and about how long it takes on this machine when it is quiet."""

    #: that are certain, and of how many steps each
    trainings: int
    steps: int
    seconds: float
    #: that one recipe costs more at most if it is to be explained
    further: int
    further_seconds: float

    def __str__(self) -> str:
        said = (
            f"{self.trainings} trainings of {self.steps} steps, about {duration(self.seconds)} if the machine is quiet"
        )
        if not self.further:
            return said
        more = f"up to {self.further} trainings more, about {duration(self.further_seconds)}"
        return f"{said}; for each recipe that turns out worse {more}, to find which rounding does it"


def duration(seconds: float) -> str:
    """Seconds in words, as coarse as an estimate is.

    Examples
    --------
    >>> [duration(seconds) for seconds in (0.2, 42.0, 100.0, 1500.0, 9000.0)]
    ['a second', '40 s', '100 s', '25 min', '2.5 h']
    """
    if seconds < 1.5:
        return "a second"
    if seconds < 120.0:
        return f"{seconds:.0f} s" if seconds < 20.0 else f"{10 * round(seconds / 10)} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 7200.0 else f"{seconds / 3600.0:.1f} h"


def estimate(
    config: Comparison, trainable: Trainable, done: Collection[Training] = (), threads: int | None = None
) -> Estimate | None:
    """What is left of a run; None where nothing is, beside what explains verdicts.

    Parameters
    ----------
    done : collection
        Trainings that are complete.
    """
    recipes = [name for name in config.recipes if (name, config.seed) not in done]
    others = [member for member in members(config) if (member.name, member.seed) not in done]
    if not recipes and not others:
        return None
    costs = _Costs(config, trainable)
    apart = [member for member in others if member.pushed or rounds(nn.recipe(member.recipe))]
    twins = [Member("", seed) for seed in seeds(config)]
    measured = math.fsum(costs.measured(name) for name in recipes)
    rest = math.fsum(map(costs.plain, [*apart, *twins]))
    processes = 2 if threads != 1 and available() > 1 else 1
    explained = [name for name in config.recipes if config.ablate != "none" and rounds(nn.recipe(name))]
    groups = [first_members(config, name, costs.layers) for name in explained]
    longest = max(groups, key=len, default=[])
    further = math.fsum(map(costs.plain, longest)) * (1.0 + _FURTHER / max(1, len(longest))) / processes
    return Estimate(
        len(recipes) + len(apart) + len(twins),
        config.steps,
        max(measured, (measured + rest) / processes),
        len(longest) + _FURTHER if longest else 0,
        further,
    )


class _Costs:
    """Seconds of one thread: of a step under each recipe, of a look at all examples, of a measured step."""

    def __init__(self, config: Comparison, trainable: Trainable) -> None:
        self._config, self._points = config, len(measured_steps(config))
        self._steps = {name: _step(config, name, trainable) for name in {"float64", *config.recipes}}
        training = trainable.begin(nn.recipe("float64"), config.seed, 1)
        self.layers = layers_of(training.weights())
        self._train, self._test = _second(training.train_set), _second(training.test_set)
        self._gradient = _second(training.exact_gradients)
        self._noted, self._looked = _recording(config, trainable)

    def plain(self, member: Member) -> float:
        """Of a training that is measured at a few steps, as a whole."""
        return self._config.steps * self._steps[member.recipe] + self._points * self._train + self._test

    def measured(self, name: str) -> float:
        """Of one that is measured in detail."""
        config, recipe = self._config, nn.recipe(name)
        steps, looks = len(config.recorded_steps), len(looked_at(config.recorded_steps[:-1]))
        gradients = steps * (1 + len(single_sources(recipe)) * config.attribute)
        gradients += looks * len(layer_sources(recipe, self.layers)) * config.attribute
        recording = (steps - looks) * self._noted + looks * self._looked
        learning = config.steps * self._steps[name] + steps * (self._train + self._test)
        return learning + gradients * self._gradient + recording


def _step(config: Comparison, name: str, trainable: Trainable) -> float:
    training = trainable.begin(nn.recipe(name), config.seed, 1)
    return _second(training.step)


def _recording(config: Comparison, trainable: Trainable) -> tuple[float, float]:
    """Of a step that is measured, and of one that is looked at closely, under the recipe that rounds at most places."""
    name = max(config.recipes, key=lambda name: len(single_sources(nn.recipe(name))))
    recipe = nn.recipe(name)
    training = trainable.begin(recipe, config.seed, 1)
    recorder = Recorder(name, recipe, config.seed, config.record)

    def step(*, closely: bool) -> None:
        exact = training.exact_gradients()
        observer = recorder.look() if closely else recorder.observer
        recorder.step_rows(0, training.step(observer, recorder.watch), exact)

    return _second(lambda: step(closely=False)), _second(lambda: step(closely=True))


def _second(call: Callable[[], object]) -> float:
    """Seconds of a call, after one that compiles and loads what it needs."""
    call()
    begun = time.process_time()  # of a busy machine the clock on the wall would tell how busy it is
    call()
    return time.process_time() - begun
