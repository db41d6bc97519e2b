"""One run that a study puts to the test: its images, its classes, and the rows of real images."""

from functools import cached_property

import torch

from gan_lab.data.in_memory import InMemoryDataModule
from gan_lab.evaluation.datasets import dataset_of_run
from gan_lab.metrics.real_images import RealImages
from gan_lab.runs.run import Run
from gan_lab.usefulness.arms import Options
from gan_lab.usefulness.generators import refuse_more_images, steps_of
from gan_lab.usefulness.selection import Row, choose
from gan_lab.utils import hardware, hashes
from gan_lab.utils.batches import LabelledImages
from gan_lab.utils.errors import UserError, nearest


class Subject:
    """One run that is put to the test.

    Args:
        run: the run.
        options: of the study.
    """

    def __init__(self, run: Run, options: Options) -> None:
        self.run, self.options = run, options
        self.device = hardware.device(options.device)

    @cached_property
    def real(self) -> RealImages:
        """The dataset of the run."""
        return dataset_of_run(self.run.config(), self.run.data_record(), self.options.data_root)

    @cached_property
    def images(self) -> LabelledImages:
        """All images that the run may train on, without a border."""
        return LabelledImages(*self.real.load("train"))

    @cached_property
    def test(self) -> LabelledImages:
        """The images of the test split, all of them."""
        return LabelledImages(*self.real.load("test"))

    @property
    def data(self) -> InMemoryDataModule:
        """The data module of the run, of one domain."""
        data = self.real.data
        assert isinstance(data, InMemoryDataModule)  # as `dataset_of_run` has it
        return data

    @cached_property
    def content(self) -> str:
        """A hash of all images."""
        return hashes.of_tensors(*self.images, *self.test)

    @cached_property
    def test_content(self) -> str:
        """A hash of the test images, which each result depends on."""
        return hashes.of_tensors(*self.test)

    @cached_property
    def classes(self) -> list[str]:
        """The names of the classes by label; numbers where they have none."""
        names = self.data.describe().get("classes") or range(self.real.num_classes)
        assert isinstance(names, list | range)
        return [str(name) for name in names]

    @cached_property
    def starved(self) -> list[int]:
        """The labels of the starved classes.

        Raises:
            UserError: there is no such class.
        """
        for name, count in self.options.starve:
            if name not in self.classes:
                raise UserError(f"--starve {name}={count}: no such class. {nearest(name, self.classes)}")
        return [self.classes.index(name) for name, _ in self.options.starve]

    @cached_property
    def rows(self) -> list[Row]:
        """The rows of the table."""
        counts = [count for _, count in self.options.starve]
        return [Row(each, tuple(zip(self.starved, counts, strict=True))) for each in self.options.real]

    @cached_property
    def generator_steps(self) -> int:
        """The number of batches of each generator."""
        return self.options.generator_steps or steps_of(self.run)

    @property
    def mirror(self) -> bool:
        """Tell if classical augmentation mirrors."""
        return self.data.mirror if self.options.mirror is None else self.options.mirror

    def check(self) -> None:
        """Refuse, before anything is written, what can't be studied.

        Raises:
            UserError: naming the option.
        """
        self.images  # noqa: B018 - which the depth may follow from
        channels, dtype = self.data.channels, self.data.depth().dtype
        if dtype != torch.uint8 or channels not in (1, 3) or self.data.display is not None:
            some = "" if self.data.display is None else ", of which data.display chooses"
            raise UserError(
                f"{self.run.folder}: its images have {channels} channels of {dtype}{some}, and classifiers "
                "learn from grey or colour images of 8 bits; train the run on such"
            )
        for row in self.rows:
            for seed in self.options.seeds:
                chosen = self.chosen(row, seed)
                if self.options.generator == "run" and any(self.options.generated):
                    is_all = len(chosen.labels) == len(self.images.labels)
                    own = self.loaded if is_all else hashes.of_tensors(*chosen)
                    refuse_more_images(self.run, own, len(chosen.labels))
        if len(self.test.labels) == 0:
            raise UserError(f"{self.run.folder}: its dataset has no test images")
        if any(self.options.generated) and self.options.generator == "train":
            self.generator_steps  # noqa: B018 - which names the option where nobody knows

    def chosen(self, row: Row, seed: int) -> LabelledImages:
        """The real images of a row, for a seed."""
        places = choose(self.images.labels, row, self.classes, seed)
        if len(places) < 2:
            raise UserError(f"--real {row.each}: {len(places)} images in all are too few; ask for more of each class")
        return LabelledImages(self.images.images[places], self.images.labels[places])

    @property
    def loaded(self) -> str:
        """The hash of all training images as they were loaded, as a run's record has it."""
        self.images  # noqa: B018 - has them loaded
        return str(self.data.identity()["train_sha256"])
