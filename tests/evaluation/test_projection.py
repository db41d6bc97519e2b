from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.evaluation import projection
from gan_lab.evaluation.depths import of_run
from gan_lab.evaluation.latents import Space
from gan_lab.evaluation.projection import distance, project
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from gan_lab.utils.image_content import save
from tests.evaluation.test_depths import deep
from tests.evaluation.test_latents import space_of


def deepened(space: Space, window: list[float], **options: object) -> Space:
    """The space, as if its run had been trained with other data."""
    space.depth = of_run(deep(space.run, window, **options))
    return space


def test_differences_count_in_full_and_as_means() -> None:
    goal = torch.zeros(1, 1, 4, 4)
    one = torch.zeros(1, 1, 4, 4)
    one[0, 0, 0, 0] = 0.8
    by_hand = 0.64 / 16 + 0.2**2 / 4 + 0.05**2
    torch.testing.assert_close(distance(one, goal), torch.tensor([by_hand]))
    moved = torch.tensor([[1.0, 0], [0, 0]]).view(1, 1, 2, 2), torch.tensor([[0, 1.0], [0, 0]]).view(1, 1, 2, 2)
    torch.testing.assert_close(distance(*moved), torch.tensor([2 / 4]))


def test_what_is_clipped_to_the_pixel_that_is_wanted_counts_as_right() -> None:
    goal = torch.tensor([1.0, -1.0, 0.5, -0.5]).view(1, 1, 1, 4)
    made = torch.tensor([1.3, -1.2, 1.5, -1.5]).view(1, 1, 1, 4)
    torch.testing.assert_close(distance(made, goal), torch.tensor([2 / 4]))


@pytest.mark.parametrize("name", ["run", "styles_run"])
def test_own_samples_come_back(name: str, request: pytest.FixtureRequest) -> None:
    space = space_of(request.getfixturevalue(name))
    targets = torch.cat([*space.pixels(space.seeds([11, 12]))])
    far = torch.cat([*space.pixels(space.seeds([13, 14]))])
    found = project(space, targets, label=None, starts=8, steps=150)
    assert found.psnr.min() > 30
    assert found.psnr.min() > projection.psnr(far, targets).max() + 5, "better than any other image"
    assert torch.equal(torch.cat([*space.pixels(found.points.values)]), found.found)
    assert found.points.labels is None
    assert found.points.values.dim() == (3 if name == "styles_run" else 2)
    assert found.picture().shape == (3, 2 * 10 + 2, 2 * 10 + 2)


def test_each_step_takes_gradients_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    space, taken, backward = space_of(run), [], torch.Tensor.backward
    monkeypatch.setattr(torch.Tensor, "backward", lambda losses: (taken.append(losses), backward(losses)))
    project(space, torch.cat([*space.pixels(space.seeds([11]))]), label=None, starts=2, steps=8)
    assert len(taken) == 8


def test_the_class_is_found_or_given(conditional_run: Run) -> None:
    space = space_of(conditional_run)
    for parameter in space.core.hidden[0].parameters():  # so that classes are far from each other
        parameter.mul_(3)
    targets = torch.cat([*space.pixels(space.seeds([11, 12]), space.shares_of([3, 8]))])
    found = project(space, targets, label=None, starts=20, steps=200)
    assert found.points.labels is not None
    assert found.points.labels.tolist() == [3, 8]
    assert found.psnr.min() > 30
    given = project(space, targets[:1], label=5, starts=4, steps=5)
    assert given.points.labels is not None
    assert given.points.labels.tolist() == [5]


def test_the_best_of_each_class_comes_before_its_second_best() -> None:
    losses = torch.tensor([0.1, 0.2, 0.3, 0.9, 0.8])
    labels = torch.tensor([0, 0, 0, 1, 1])
    assert projection._best(losses, 4, labels).tolist() == [0, 4, 1, 3]
    assert projection._best(losses, 2, None).tolist() == [0, 1]


def test_an_image_is_seen_as_a_run_sees_it(run: Run, tmp_path: Path) -> None:
    space = space_of(run)
    exact = torch.arange(64, dtype=torch.uint8).view(8, 8)
    Image.fromarray(exact.numpy()).save(tmp_path / "exact.png")
    Image.new("RGB", (40, 16), (255, 0, 0)).save(tmp_path / "wide.jpg")
    found = projection.read([tmp_path / "exact.png", tmp_path / "wide.jpg"], space)
    assert found.shape == (2, 1, 8, 8)
    assert torch.equal(found[0, 0], exact)
    (tmp_path / "text.png").write_text("no image")
    for name in ("text.png", "nowhere.png"):
        with pytest.raises(UserError, match=f"{name}: can't be read as an image"):
            projection.read([tmp_path / name], space)


@pytest.mark.parametrize(
    ("kind", "window", "ending"), [(16, [0, 4095], ".png"), (16, [-1000, 3000], ".tif"), ("float", [-0.5, 2.5], ".npy")]
)
def test_values_of_other_depths_are_read_and_come_back(
    kind: object, window: list[float], ending: str, run: Run, tmp_path: Path
) -> None:
    space = deepened(space_of(run), window, depth=kind)
    assert space.depth.window == tuple(window)
    targets = torch.cat([space.depth.to_codes(batch) for batch in space.batches(space.seeds([11, 12]))])
    assert targets.double().std() > 0.02 * space.depth.span
    files = [tmp_path / f"{index}{ending}" for index in range(2)]
    for target, file in zip(targets, files, strict=True):
        save(target, file, ending)
    assert torch.equal(projection.read(files, space), targets)
    found = project(space, targets, label=None, starts=8, steps=150)
    assert found.found.dtype == targets.dtype == space.depth.dtype
    low, high = window
    shares = [(codes.double() - low) / (high - low) for codes in (found.found, targets)]
    by_hand = -10 * (shares[0] - shares[1]).square().flatten(1).mean(1).log10()
    torch.testing.assert_close(found.psnr, by_hand)
    assert found.psnr.min() > 30
    assert found.picture().dtype == torch.uint8


def test_the_window_of_the_training_and_its_fit_hold_for_files(run: Run, tmp_path: Path) -> None:
    space = space_of(run)
    image = np.full((8, 8), 40, np.uint16)
    np.save(tmp_path / "slice.npy", image)
    (eight,) = projection.read([tmp_path / "slice.npy"], deepened(space, [0, 200], depth=8))
    assert (eight.dtype, set(eight.flatten().tolist())) == (torch.uint8, {51})
    np.save(tmp_path / "wide.npy", np.full((8, 16), 4095, np.uint16))
    deep_one = deepened(space, [0, 4095], fit="pad", background="black")
    (padded,) = projection.read([tmp_path / "wide.npy"], deep_one)
    assert padded[0, :, 0].to(torch.int32).tolist() == [0, 0, 4095, 4095, 4095, 4095, 0, 0]


def test_styles_of_a_class_come_back(conditional_styles_run: Run) -> None:
    space = space_of(conditional_styles_run)
    for parameter in space.core.mapping.parameters():  # so that classes are far from each other
        parameter.mul_(3)
    targets = torch.cat([*space.pixels(space.seeds([11]), space.shares_of([3]))])
    found = project(space, targets, label=3, starts=8, steps=150)
    assert found.points.labels is not None
    assert found.points.labels.tolist() == [3]
    assert found.points.values.shape == (1, *space.styles_shape)
    assert found.psnr.min() > 30
