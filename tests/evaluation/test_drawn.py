import pytest
import torch

from gan_lab.errors import UserError
from gan_lab.evaluation import drawn
from gan_lab.evaluation.drawn import draw, load, some, weights_of
from gan_lab.models.average import MovingAverage
from gan_lab.runs import Run
from tests.conftest import composed, tiny_gan


def together(model: drawn.LatentGAN, count: int = 10, seed: int = 0, ema: bool = True) -> torch.Tensor:
    return torch.cat([images for images, _ in draw(model, count, seed=seed, ema=ema)])


def test_the_same_arguments_give_the_same_images(run: Run) -> None:
    model = load(run)
    images = together(model)
    assert images.shape == (10, 1, 8, 8)
    assert images.dtype == torch.uint8
    torch.manual_seed(99)
    assert torch.equal(images, together(load(run)))
    assert not torch.equal(images, together(model, seed=1))


def test_chunks_hide_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(run)
    whole = together(model)
    monkeypatch.setattr(drawn, "CHUNK", 4)
    assert [len(images) for images, _ in draw(model, 10, seed=0, ema=True)] == [4, 4, 2]
    assert (together(model).int() - whole.int()).abs().max() <= 1, "but the order of floating-point sums"


def test_every_class_is_asked_for_equally_often(conditional_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawn, "CHUNK", 7)
    asked = [labels for _, labels in draw(load(conditional_run), 30, seed=0, ema=True)]
    assert torch.bincount(torch.cat(asked)).tolist() == [3] * 10


def test_without_an_average_the_weights_are_raw_whatever_is_wanted() -> None:
    plain, averaged = tiny_gan(), tiny_gan(ema_half_life=1000)
    assert isinstance(averaged.average, MovingAverage)
    torch.nn.init.zeros_(next(averaged.average.parameters()))
    assert weights_of(plain, ema=True) == weights_of(averaged, ema=False) == "raw"
    assert weights_of(averaged, ema=True) == "ema"
    assert torch.equal(together(plain), together(plain, ema=False))
    assert not torch.equal(together(averaged), together(averaged, ema=False))


def test_images_to_look_at_are_others(run: Run) -> None:
    model = load(run)
    assert some(model, 3, seed=0, ema=True).shape == (3, 1, 8, 8)
    assert not torch.equal(some(model, 10, seed=0, ema=True), together(model))


def test_a_translator_draws_nothing_from_noise(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class CycleGAN:
        pass

    monkeypatch.setattr(Run, "load_model", lambda _: CycleGAN())
    with pytest.raises(UserError, match="CycleGAN translates images, and draws none from noise"):
        load(run)


def test_the_fixtures_are_what_a_command_line_makes() -> None:
    assert composed("model=cgan").model.classes == 10
