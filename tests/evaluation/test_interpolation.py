import math
from pathlib import Path

import pytest
import torch

from gan_lab.evaluation.interpolation import interpolate, lerp, path, places, slerp
from gan_lab.evaluation.latents import Points
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.evaluation.test_latents import sampled, space_of


def test_a_quarter_circle_is_followed() -> None:
    start, end = torch.tensor([[2.0, 0.0]]).double(), torch.tensor([[0.0, 2.0]]).double()
    share = torch.tensor([1 / 3]).double()
    third = slerp(start, end, share)  # 30 degrees of 90
    torch.testing.assert_close(third, torch.tensor([[2 * math.cos(math.pi / 6), 1.0]]).double())
    torch.testing.assert_close(lerp(start, end, share), torch.tensor([[4 / 3, 2 / 3]]).double())


def test_lengths_go_over_into_each_other() -> None:
    start, end = torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[0.0, 3.0]]).double()
    middle = slerp(start, end, torch.tensor([0.5]).double())
    torch.testing.assert_close(middle, torch.tensor([[1.0, 3.0]]).double() / math.sqrt(2))


@pytest.mark.parametrize("end", [[2.0, 2.0], [-1.0, -1.0], [0.0, 0.0]])
def test_parallel_and_opposite_latents_are_joined_by_a_line(end: list[float]) -> None:
    start = torch.ones(1, 2).double()
    middle = slerp(start, torch.tensor([end]).double(), torch.tensor([0.5]))
    torch.testing.assert_close(middle, (start + torch.tensor([end]).double()) / 2)


def test_latents_of_many_dimensions_keep_their_length() -> None:
    start, end = torch.randn(2, 1, 512, generator=torch.Generator().manual_seed(0)).double()
    round_, straight = (between(start, end, torch.tensor([0.5])).norm() for between in (slerp, lerp))
    assert abs(round_ / start.norm() - 1) < 0.1
    assert straight / start.norm() < 0.8


def test_frames_are_equally_far_apart_and_meet_the_points() -> None:
    before, after, share = places(3, 5, loop=False)
    assert (before.tolist(), after.tolist()) == ([0, 0, 1, 1, 1], [1, 1, 2, 2, 2])
    assert share.tolist() == [0, 0.5, 0, 0.5, 1]
    before, after, share = places(3, 6, loop=True)
    assert (before.tolist(), after.tolist()) == ([0, 0, 1, 1, 2, 2], [1, 1, 2, 2, 0, 0])
    assert share.tolist() == [0, 0.5, 0, 0.5, 0, 0.5]


def test_codes_go_straight_beside_a_latent_that_goes_round() -> None:
    points = torch.tensor([[2.0, 0.0, 0.0], [0.0, 2.0, 1.0]]).double()
    middle = path(points, 3, loop=False, normal=2)[1]
    torch.testing.assert_close(middle, torch.tensor([math.sqrt(2), math.sqrt(2), 0.5]).double())
    torch.testing.assert_close(path(points, 3, loop=False, normal=0)[1], points.mean(0))
    styles = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(path(styles, 3, loop=False, normal=3)[1], styles.mean(0))


def test_a_path_begins_and_ends_with_the_samples_of_its_seeds(run: Run) -> None:
    film = interpolate(space_of(run), seeds=[1, 5, 9], frames=5)
    assert film.title == "5 frames through 3 points"
    frames = torch.stack([*film.frames()])
    assert frames.shape == (5, 1, 8, 8)
    for index, seed in ((0, 1), (2, 5), (4, 9)):
        expected = sampled(run, seed=seed)[0]
        torch.testing.assert_close(frames[index].float(), (expected + 1) * 127.5, atol=0.6, rtol=0)
    assert len(interpolate(space_of(run), seeds=[1, 5, 9]).values) == 49
    loop = interpolate(space_of(run), seeds=[1, 5, 9], loop=True)
    assert len(loop.values) == 72
    assert len(interpolate(space_of(run)).values) == 73


def test_a_conditional_path_shows_every_class_beside_each_other(conditional_run: Run) -> None:
    space = space_of(conditional_run)
    frames = [*interpolate(space, seeds=[1, 2], frames=3).frames()]
    assert frames[0].shape == (3, 2 * 10 + 2, 5 * 10 + 2)
    of_seven = sampled(conditional_run, seed=2, of_class="7")[0, 0]
    tile = frames[-1][0, 12:20, 22:30]  # of the second row the third
    torch.testing.assert_close(tile.float(), (of_seven + 1) * 127.5, atol=0.6, rtol=0)


def test_classes_blend_on_the_way(conditional_run: Run) -> None:
    space = space_of(conditional_run)
    film = interpolate(space, classes=["3", "8"], frames=5)
    (shares,) = film.shares
    assert shares is not None
    assert shares[:, 3].tolist() == [1, 0.75, 0.5, 0.25, 0]
    assert shares[:, 8].tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert torch.equal(film.values, film.values[:1].expand(5, -1)), "one latent"
    both = interpolate(space, seeds=[1, 2], classes=["3", "8"], frames=3)
    torch.testing.assert_close(both.values[2:], space.seeds([2]))
    (one,) = interpolate(space, seeds=[1, 2], classes=["3"], frames=3).shares
    assert one is not None
    assert one[:, 3].tolist() == [1, 1, 1]
    space.network.blends_labels = False  # type: ignore[assignment]
    interpolate(space, seeds=[1, 2], classes=["3", "3"])
    with pytest.raises(UserError, match="^--classes: Generator takes whole classes only"):
        interpolate(space, classes=["3", "8"])


def test_a_files_latents_and_classes_are_points(conditional_run: Run) -> None:
    space = space_of(conditional_run)
    points = Points(space.seeds([4, 6]), torch.tensor([1, 2]))
    Path("a.safetensors").write_bytes(space.content(points, Path("a.safetensors")))
    film = interpolate(space, file=Path("a.safetensors"), frames=2)
    torch.testing.assert_close(film.values, points.values)
    (shares,) = film.shares
    assert shares is not None
    assert shares.argmax(1).tolist() == [1, 2]
    film = interpolate(space, seeds=[9], file=Path("a.safetensors"), classes=["5"], frames=3)
    torch.testing.assert_close(film.values, space.seeds([9, 4, 6]))


def test_styles_go_straight(styles_run: Run) -> None:
    space = space_of(styles_run)
    ends = space.styles(space.seeds([1, 2]))
    film = interpolate(space, seeds=[1, 2], frames=3, in_styles=True)
    torch.testing.assert_close(film.values[1], ends.mean(0))
    Path("w.npy").write_bytes(space.content(Points(ends[:1]), Path("w.npy")))
    mixed = interpolate(space, seeds=[2], file=Path("w.npy"), frames=2)
    torch.testing.assert_close(mixed.values, ends.flip(0))


def test_what_does_not_go_together_is_refused(run: Run, conditional_run: Run) -> None:
    with pytest.raises(UserError, match="^--seeds: a path needs two points or more"):
        interpolate(space_of(run), seeds=[1])
    with pytest.raises(UserError, match="^--space w: the generator of this run has no styles"):
        interpolate(space_of(run), in_styles=True)
    with pytest.raises(UserError, match="^--classes 1: VanillaGAN knows no classes"):
        interpolate(space_of(run), classes=["1"])
    with pytest.raises(UserError, match="^--classes: 2 classes and 3 latents don't go together"):
        interpolate(space_of(conditional_run), seeds=[1, 2, 3], classes=["1", "2"])
    with pytest.raises(UserError, match="^--classes 11: there is no class 11"):
        interpolate(space_of(conditional_run), classes=["11"])


def test_a_path_in_w_leads_through_the_styles_of_classes(conditional_styles_run: Run) -> None:
    space = space_of(conditional_styles_run)
    own = [space.styles(space.seeds([seed]), space.shares_of([label])) for seed, label in ((5, 3), (5, 8), (6, 3))]
    film = interpolate(space, seeds=[5], classes=["3", "8"], frames=3, in_styles=True)
    torch.testing.assert_close(film.values, torch.cat([own[0], (own[0] + own[1]) / 2, own[1]]))
    assert [frame.shape for frame in film.frames()] == [(1, 8, 8)] * 3
    one = interpolate(space, seeds=[5, 6], classes=["3"], frames=2, in_styles=True)
    torch.testing.assert_close(one.values, torch.cat([own[0], own[2]]))
    with pytest.raises(UserError, match="^--space w: styles of a conditional generator belong to a class each; name"):
        interpolate(space, seeds=[5, 6], in_styles=True)
    Path("found.safetensors").write_bytes(space.content(Points(own[0], torch.tensor([3])), Path("found.safetensors")))
    file = Path("found.safetensors")
    back = interpolate(space, seeds=[6], file=file, frames=2)
    torch.testing.assert_close(back.values, torch.cat([own[2], own[0]]), msg="the seed's style is of the file's class")
    other = interpolate(space, seeds=[5], file=file, classes=["8"], frames=2)
    torch.testing.assert_close(other.values, torch.cat([own[1], own[0]]))
    with pytest.raises(UserError, match="^--classes: the styles in --latent have classes of their own"):
        interpolate(space, seeds=[5], file=file, classes=["8", "3"])


def test_latents_of_a_file_get_the_styles_of_its_classes(conditional_styles_run: Run) -> None:
    space = space_of(conditional_styles_run)
    points = Points(space.seeds([1, 2]), torch.tensor([3, 9]))
    Path("two.safetensors").write_bytes(space.content(points, Path("two.safetensors")))
    film = interpolate(space, file=Path("two.safetensors"), frames=2, in_styles=True)
    torch.testing.assert_close(film.values, space.styles(points.values, space.shares_of([3, 9])))
