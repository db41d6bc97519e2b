"""What YAML files may compute: `${add:1,2}`. Known to OmegaConf once this is imported."""

from omegaconf import OmegaConf


def steps_without_epochs(max_epochs: int | None, steps: int) -> int:
    """The default number of batches, unless the length of the run is given in epochs."""
    return steps if max_epochs is None else -1


def add(*terms: int) -> int:
    """Their sum."""
    return sum(terms)


def first_given(*values: object) -> object:
    """The first that is not null; null where all are."""
    return next((value for value in values if value is not None), None)


OmegaConf.register_new_resolver("steps_without_epochs", steps_without_epochs, replace=True)
OmegaConf.register_new_resolver("add", add, replace=True)
OmegaConf.register_new_resolver("first_given", first_given, replace=True)
