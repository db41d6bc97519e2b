from typing import Any

import pytest
import torch

from gan_lab.evaluation import sampling
from gan_lab.evaluation.sampling import Samples
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError

BYTES = 8 * 8 * 8  # of a grey 8x8 image at the peak


def sample(run: Run, **options: Any) -> Samples:
    defaults: dict[str, Any] = {"which": "last", "count": None, "label": None, "seed": 0, "ema": True}
    return sampling.sample(run, **defaults | options)


def test_a_plain_model_fills_a_square_by_default(run: Run) -> None:
    samples = sample(run)
    assert samples.images.shape == (64, 1, 8, 8)
    assert (samples.columns, samples.images_seen) == (8, 640)
    assert -1 <= samples.images.min() < samples.images.max() <= 1
    assert sample(run, count=10).columns == 4


def test_a_conditional_model_has_whole_rows_of_each_class(conditional_run: Run) -> None:
    samples = sample(conditional_run)
    assert (len(samples.images), samples.columns) == (100, 10)
    assert (samples.in_grid % 10).tolist() == [label for label in range(10) for _ in range(10)]
    assert sample(conditional_run, count=20).columns == 2
    assert sample(conditional_run, count=25).columns == 5, "25 images of ten classes have no whole rows"


@pytest.mark.parametrize("count", [1, 10, 63])
def test_an_image_is_the_same_whatever_the_count(run: Run, conditional_run: Run, count: int) -> None:
    for trained in (run, conditional_run):
        many, few = (sample(trained, count=number, seed=5).images for number in (64, count))
        torch.testing.assert_close(few, many[:count])


def test_one_class_is_generated_on_request(conditional_run: Run) -> None:
    classes = sample(conditional_run, count=10).images
    for label in (0, 7):
        of_class = sample(conditional_run, count=10, label=label)
        torch.testing.assert_close(of_class.images[label], classes[label])  # the same latent
        assert of_class.columns == 4
    with pytest.raises(UserError, match=r"--class 10: .*class 10"):
        sample(conditional_run, label=10)


def test_the_seed_decides_and_chunks_do_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    images = sample(run, count=7).images
    assert torch.equal(sample(run, count=7).images, images)
    assert not torch.equal(sample(run, count=7, seed=1).images, images)
    monkeypatch.setattr(sampling, "CHUNK", 3)
    torch.testing.assert_close(sample(run, count=7).images, images)


def test_the_moving_average_or_the_raw_weights_generate(run: Run) -> None:
    checkpoint = torch.load(run.checkpoint, weights_only=True)
    weights = checkpoint["state_dict"]
    raw = {name: value + 1 for name, value in weights.items() if name.startswith("generator.")}
    torch.save(checkpoint | {"state_dict": weights | raw}, run.checkpoint)
    assert not torch.equal(sample(run, count=2).images, sample(run, count=2, ema=False).images)


def test_more_than_memory_holds_is_refused_before_it_is_generated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling.memory, "available", lambda: 10 * BYTES)
    assert len(sample(run, count=10).images) == 10
    with pytest.raises(UserError, match=r"--count 11: these images need 0 GB of memory, and 0 GB are available"):
        sample(run, count=11)
