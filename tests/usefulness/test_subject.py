from pathlib import Path

import pytest

from gan_lab.runs.run import Run
from gan_lab.usefulness.subject import Subject
from gan_lab.utils import hashes
from gan_lab.utils.errors import UserError
from tests.usefulness.conftest import cell, options


def test_the_test_split_is_whole_and_apart(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    subject = cell(tiny, few_digits, tmp_path).subject
    assert len(subject.test.labels) == 500
    assert len(subject.images.labels) == 500
    seen = {hashes.of_tensors(image) for image in subject.images.images}
    assert sum(hashes.of_tensors(image) in seen for image in subject.test.images) == 0


def test_channels_that_are_chosen_for_display_are_refused(tiny: Run, few_digits: Path) -> None:
    subject = Subject(tiny, options(few_digits))
    subject.check()
    subject.data.display = [1]
    with pytest.raises(UserError, match=r"1 channels of torch.uint8, of which data.display chooses, and classifiers"):
        subject.check()
