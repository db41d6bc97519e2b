"""Pairs of the user's images that training doesn't know of: what translation without pairs is held against."""

from typing import ClassVar

from gan_lab.data.paired import PairedDataModule
from gan_lab.data.paired_folders import PairedFolders
from gan_lab.data.unpaired import UnpairedDataModule


class HiddenPairs(UnpairedDataModule, PairedFolders):  # type: ignore[misc]  # batches of one, files of the other
    """The images of `PairedFolders` as two unpaired domains, sources and targets each in an order of their own.

    Splits keep the pairs, so translations of CycleGAN and CUT get the scores that those of pix2pix get.
    """

    sides: ClassVar = PairedDataModule.sides
    paired = True
