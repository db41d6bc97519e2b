"""Functions that YAML files may call: `${add:1,2}`. OmegaConf knows them once this module is imported."""

import math
from collections.abc import Sequence

from omegaconf import OmegaConf

from gan_lab.utils.run_layout import RunLayout


def steps_without_epochs(max_epochs: int | None, steps: int) -> int:
    """The default number of batches, unless the length of the run is given in epochs."""
    return steps if max_epochs is None else -1


def add(*terms: int | Sequence[int]) -> int:
    """The sum of the terms, and of what lists among them hold."""
    return sum(term if isinstance(term, int) else sum(term) for term in terms)


def product(terms: int | Sequence[int]) -> int:
    """The product of what a list holds; a number stays as it is."""
    return terms if isinstance(terms, int) else math.prod(terms)


def first_given(*values: object) -> object:
    """The first value that is not null; null where all are."""
    return next((value for value in values if value is not None), None)


def run_path(run_dir: str | None, name: str) -> str:
    """The path of a file or folder of a run, by the name that `RunLayout` has for it."""
    return str(getattr(RunLayout(str(run_dir)), name))


RESOLVERS = (add, first_given, product, run_path, steps_without_epochs)
for resolver in RESOLVERS:
    OmegaConf.register_new_resolver(resolver.__name__, resolver, replace=True)
