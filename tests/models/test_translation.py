import pytest
import torch

from gan_lab.utils.images import to_float
from tests.conftest import SIZE
from tests.models.test_cyclegan import TinyDomains, fit, tiny_cyclegan
from tests.utils.test_chunks import crowded


def test_translating_takes_the_moving_average_or_the_generator_as_it_is() -> None:
    model = tiny_cyclegan()
    fit(model, max_steps=2)
    images = torch.randn(3, 1, SIZE, SIZE)
    average, raw = model.generator_ema.network, model.generator.eval()
    for direction in model.directions:
        assert torch.equal(model.translate(images, direction), getattr(average, direction)(images))
        assert torch.equal(model.translate(images, direction, ema=False), getattr(raw, direction)(images))


def test_translating_leaves_the_generator_in_its_mode() -> None:
    model = tiny_cyclegan(ema_half_life=None)
    model.generator.train()
    assert not model.translate(torch.randn(1, 1, SIZE, SIZE)).requires_grad
    assert model.generator.a2b.training


@pytest.mark.parametrize("size", [(SIZE, 2 * SIZE), (12, 20)])
def test_images_of_other_sizes_are_translated(size: tuple[int, int]) -> None:
    assert tiny_cyclegan().translate(torch.randn(2, 1, *size)).shape == (2, 1, *size)


def test_held_out_images_are_of_the_test_split() -> None:
    model, data = tiny_cyclegan(), TinyDomains(count=8)
    fit(model, data, max_steps=1)
    a, b = model.held_out(3)
    assert len(a) == len(b) == 3
    assert torch.equal(a, to_float(data.splits["test"][0].images[:3]))
    assert torch.equal(model.shown(a, b), b)


def test_fewer_images_are_translated_at_a_time_where_memory_runs_out() -> None:
    model, images = tiny_cyclegan(), torch.randn(12, 1, SIZE, SIZE)
    whole = model.translate(images, "b2a", ema=False)
    asked = crowded(model.translator("b2a", ema=False), 3)
    torch.testing.assert_close(model.translate(images, "b2a", ema=False), whole)
    assert asked == [12, 6, 3, 3, 3, 3]
