from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gan_lab.evaluation import sampling
from gan_lab.evaluation.latents import PointDrawing, Points, Space, check_name, draw_points
from gan_lab.metrics import tensor_files
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from gan_lab.utils import seeding
from gan_lab.utils.errors import UserError
from tests.conftest import TINY, composed, untrained


def space_of(run: Run, **options: float) -> Space:
    return Space(run, which="last", ema=True, device="cpu", **options)  # type: ignore[arg-type]


def sampled(run: Run, **options: object) -> torch.Tensor:
    defaults = {"which": "last", "count": 1, "of_class": None, "seed": 0, "ema": True, "device": "cpu"}
    return sampling.prepare(run, **defaults | options).whole()  # type: ignore[arg-type]


def test_a_seeds_latent_is_that_of_its_first_sample(run: Run, conditional_run: Run, styles_run: Run) -> None:
    for trained, of_class in ((run, None), (conditional_run, "4"), (styles_run, None)):
        space = space_of(trained)
        shares = space.shares_of([4]) if of_class else None
        made = space.images(space.seeds([3]), shares)
        torch.testing.assert_close(made, sampled(trained, seed=3, of_class=of_class))
        assert space.shape == (1, 8, 8)
        (pixels,) = space.pixels(space.seeds([3]), shares)
        assert pixels.dtype == torch.uint8


def test_images_have_gradients_by_latents_and_weights_have_none(run: Run) -> None:
    space = space_of(run)
    latents = space.seeds([1]).requires_grad_()
    (gradient,) = torch.autograd.grad(space.images(latents).sum(), latents)
    assert gradient.abs().min() > 0
    assert not any(weight.requires_grad for weight in space.model.parameters())


def test_half_a_class_is_half_of_its_input(conditional_run: Run) -> None:
    space = space_of(conditional_run)
    shares = (space.shares_of([2]) + space.shares_of([7])) / 2
    made = space.images(space.seeds([0]), shares)
    inner = space.network.generator
    torch.testing.assert_close(made, inner(torch.cat((space.seeds([0]), shares), 1)))  # type: ignore[operator]
    space.refuse_blends("--classes")
    space.network.blends_labels = False  # type: ignore[assignment]
    with pytest.raises(UserError, match="^--classes: Generator takes whole classes only, nothing between them"):
        space.refuse_blends("--classes")


def test_found_categories_take_the_place_of_a_latents(tmp_path: Path) -> None:
    run = Run(tmp_path / "infogan")
    run.save_config(composed("model=infogan", "model/network=mlp", *TINY[1:]))
    checkpoint = {"state_dict": untrained(run).state_dict(), "images_seen": 320}
    AtomicCheckpointIO().save_checkpoint(checkpoint, run.checkpoint)
    run.update_record(status="interrupted")
    space = space_of(run)
    assert (space.classes, space.categories, space.normal) == (10, 10, 4)
    made = space.images(space.seeds([5]), space.shares_of([6]))
    torch.testing.assert_close(made, sampled(run, seed=5, of_class="6"))
    cut = space_of(run, truncation=0.1).seeds([5])
    assert cut[:, :4].abs().max() <= 0.1
    assert torch.equal(cut[:, 4:], space.seeds([5])[:, 4:]), "codes are no normal values"


def test_styles_give_the_same_images_as_their_latents(styles_run: Run) -> None:
    space = space_of(styles_run)
    latents = space.seeds([1, 2])
    styles = space.styles(latents)
    assert styles.shape == (2, 4, 6)
    torch.testing.assert_close(space.images(styles), space.images(latents))
    truncated = space_of(styles_run, truncation=0.3)
    torch.testing.assert_close(truncated.images(latents), sampled_of(truncated, latents))
    with pytest.raises(UserError, match="^--truncation 1.5: must be from 0 to 1"):
        space_of(styles_run, truncation=1.5)


def test_a_class_has_a_spread_of_its_own(conditional_styles_run: Run) -> None:
    space = space_of(conditional_styles_run)
    for parameter in space.core.mapping.parameters():
        parameter.mul_(3)
    (mean, apart), (of_all, _) = space.spread(space.shares_of([4])), space.spread()
    assert apart.shape == (4096, 6)
    latents = space.draw(4096, seeding.derive(0, "spread"))
    torch.testing.assert_close(mean, space.styles(latents, space.shares_of([4] * 4096))[:, 0].mean(0))
    assert (mean - of_all).norm() > 0.01


def test_styles_of_a_class_are_truncated_by_both_ways_alike(conditional_styles_run: Run) -> None:
    space = space_of(conditional_styles_run, truncation=0.4)
    made = space.images(space.seeds([3]), space.shares_of([4]))
    torch.testing.assert_close(made, sampled(conditional_styles_run, seed=3, of_class="4", truncation=0.4))
    whole = sampled(conditional_styles_run, seed=3, of_class="4")
    assert (made - whole).abs().max() > 1e-3
    with pytest.raises(UserError, match="^--truncation 1.5: must be from 0 to 1"):
        sampled(conditional_styles_run, truncation=1.5)


def sampled_of(space: Space, latents: torch.Tensor) -> torch.Tensor:
    found: torch.Tensor = space.model.sample(latents, truncation=space.truncation)
    return found


def test_the_spread_of_styles_is_around_their_mean(styles_run: Run) -> None:
    mean, apart = space_of(styles_run).spread()
    assert mean.shape == (6,)
    assert apart.shape == (4096, 6)
    torch.testing.assert_close(apart.mean(0), torch.zeros(6), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["a.safetensors", "a.npy"])
def test_a_file_of_latents_comes_back(name: str, conditional_run: Run, styles_run: Run) -> None:
    space = space_of(conditional_run)
    points = Points(space.seeds([1, 2]), torch.tensor([3, 9]))
    Path(name).write_bytes(space.content(points, Path(name)))
    again = space.read("--latent", Path(name))
    assert torch.equal(again.values, points.values)
    assert (again.labels is None) == name.endswith(".npy")
    assert again.labels is None or again.labels.tolist() == [3, 9]
    of_styles = space_of(styles_run)
    ws = Points(of_styles.styles(of_styles.seeds([1])))
    Path(name).write_bytes(of_styles.content(ws, Path(name)))
    assert torch.equal(of_styles.read("--latent", Path(name)).values, ws.values)
    with pytest.raises(UserError, match=r"holds values of shape \(1, 4, 6\), and latents of this run have 4"):
        space.read("--latent", Path(name))


def test_an_array_of_one_latent_will_do(run: Run) -> None:
    np.save("one.npy", np.arange(4.0))
    assert space_of(run).read("--latent", Path("one.npy")).values.tolist() == [[0, 1, 2, 3]]


class Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("executed"),)


def test_other_files_are_refused_and_nothing_in_them_runs(conditional_run: Run) -> None:
    np.save("pickle.npy", np.array([Payload()]), allow_pickle=True)
    np.save("five.npy", np.zeros((2, 5)))
    np.save("whole.npy", np.zeros((2, 4), int))
    np.save("nan.npy", np.full((2, 4), np.nan))
    np.save("none.npy", np.zeros((0, 4)))
    Path("empty.npy").touch()
    Path("text.safetensors").write_text("no tensors")
    save_file({"a": torch.zeros(4)}, "plain.safetensors")
    tensor_files.write(Path("other.safetensors"), {"a": torch.zeros(4)}, {})
    labels = {"latent": torch.zeros(2, 4), "label": torch.tensor([0, 10])}
    tensor_files.write(Path("labels.safetensors"), labels, {})
    space = space_of(conditional_run)
    for name, message in {
        "pickle.npy": "can't be read",
        "five.npy": r"holds values of shape \(2, 5\), and latents of this run have 4",
        "whole.npy": "holds values that are not finite numbers",
        "nan.npy": "holds values that are not finite numbers",
        "none.npy": "holds values of shape",
        "empty.npy": "can't be read",
        "text.safetensors": "can't be read: text.safetensors is damaged",
        "plain.safetensors": "can't be read: plain.safetensors is damaged",
        "other.safetensors": "holds no tensor named latent or w",
        "labels.safetensors": "its labels are not those of this run's classes",
        "nowhere.npy": "can't be read: No such file or directory",
        "a.pt": r"unknown format \.pt; a file of latents is \.safetensors or \.npy",
    }.items():
        with pytest.raises(UserError, match=f"^--latent {name}: {message}") as refused:
            space.read("--latent", Path(name))
        assert "\n" not in str(refused.value)
    assert not Path("executed").exists()
    with pytest.raises(UserError, match=r"^--out a\.pkl: unknown format \.pkl"):
        check_name("--out", Path("a.pkl"))


def test_points_are_drawn_in_every_class_or_in_one(conditional_run: Run) -> None:
    space = space_of(conditional_run)
    drawing = draw_points(space, seeds=[1, 2], file=None, of_class=None, ema=True)
    assert isinstance(drawing, PointDrawing)
    assert (drawing.count, drawing.columns) == (20, 2)
    assert drawing.in_grid.tolist() == [index for label in range(10) for index in (label, 10 + label)]
    torch.testing.assert_close(drawing.draw(17, 1), sampled(conditional_run, seed=2, of_class="7"))
    of_one = draw_points(space, seeds=[1, 2], file=None, of_class="7", ema=True)
    torch.testing.assert_close(of_one.draw(1, 1), drawing.draw(17, 1))
    assert of_one.title == "2 images of class 7"


def test_seeds_and_styles_of_a_file_do_not_mix(styles_run: Run) -> None:
    space = space_of(styles_run)
    Path("w.npy").write_bytes(space.content(Points(space.styles(space.seeds([1]))), Path("w.npy")))
    with pytest.raises(UserError, match="^--latent w.npy: holds styles, which don't go together with --seeds"):
        draw_points(space, seeds=[1], file=Path("w.npy"), of_class=None, ema=True)
    drawn = draw_points(space, seeds=[], file=Path("w.npy"), of_class=None, ema=True).draw(0, 1)
    torch.testing.assert_close(drawn, sampled(styles_run, seed=1))
