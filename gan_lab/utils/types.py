"""Ranges and facts of configuration values, written where a constructor declares its arguments."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Annotated

from pydantic import Field, PlainValidator

from gan_lab.utils import sizes

PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0.0)]
NonNegativeFloat = Annotated[float, Field(ge=0.0)]
NonNegativeInt = Annotated[int, Field(ge=0)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]  # a part that is not the whole
ImageSize = Annotated[int | Sequence[int], PlainValidator(sizes.checked)]  # (height, width), or the side of a square


class Fact(Enum):
    """Facts about an option, part of its annotation: `Annotated[bool, Fact.INCIDENTAL]`.

    A fact about a part of the configuration holds for every option in it. `gan_lab.config.facts` finds them.
    """

    INPUT_PATH = "a path to what a run reads or shares with others: anywhere, and absolute once the run begins"
    OUTPUT_PATH = "a path to what a run writes: inside its folder, unless the command line says otherwise"
    CACHE = "a folder of what can be computed again: this user's, whatever a saved configuration says"
    DOWNLOAD = "leave to fetch files from the network: none in a saved configuration"
    INCIDENTAL = "runs that differ in this option alone are one setup, tried several times"


@dataclass(frozen=True)
class OnResume:
    """A fact about an option, part of its annotation: the effect of a change on a run that is resumed.

    Where an option and a part around it both state one, the option's counts.

    Args:
        breaks: why the run can't end with the bits of an uninterrupted one; empty if it can.
        only_with_an_end: the change breaks nothing while no schedule depends on the length of the run.
    """

    breaks: str
    only_with_an_end: bool = False


HARMLESS = OnResume("")
InputPath = Annotated[str, Fact.INPUT_PATH, HARMLESS]  # wherever it lies: a resumed run compares the images
OutputPath = Annotated[str, Fact.OUTPUT_PATH]
SharedPath = Annotated[InputPath, Fact.INCIDENTAL]  # the same content wherever it lies: known datasets
CachePath = Annotated[SharedPath, Fact.CACHE]
Download = Annotated[bool, Fact.DOWNLOAD, HARMLESS, Fact.INCIDENTAL]
