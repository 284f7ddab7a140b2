"""Experiments by name."""

from collections.abc import Mapping

from loadtest.experiments.experiment import Experiment
from loadtest.experiments.overload import Overload
from loadtest.experiments.priority_under_flood import PriorityUnderFlood
from loadtest.experiments.soak import Soak

_ALL: tuple[Experiment, ...] = (PriorityUnderFlood(), Overload(), Soak())
EXPERIMENTS: Mapping[str, Experiment] = {experiment.name: experiment for experiment in _ALL}
