from io import BytesIO

import numpy as np
from PIL import Image

from gan_lab.usefulness.arms import REFERENCES
from gan_lab.usefulness.picture import COLOURS, draw
from tests.usefulness.conftest import measured, result, study_of


def test_the_picture_shows_all_lines() -> None:
    drawn = np.array(Image.open(BytesIO(draw(measured()))).convert("RGB")).reshape(-1, 3).astype(int)
    for colour in ((31, 119, 180), (44, 160, 44), (214, 39, 40)):  # tab:blue, tab:green, tab:red
        assert (np.abs(drawn - colour).sum(1) < 12).sum() > 20


def test_each_run_has_a_row_and_one_seed_no_bars() -> None:
    one = study_of([result(0.5), result(0.6, "classical")])
    both = study_of([result(0.5), result(0.6, "classical"), result(0.5, run="b"), result(0.6, "classical", run="b")])
    heights = [Image.open(BytesIO(draw(study))).height for study in (one, both)]
    assert heights[1] > 1.5 * heights[0]


def test_each_way_to_train_has_a_colour() -> None:
    assert set(COLOURS) == {"real", *REFERENCES}
