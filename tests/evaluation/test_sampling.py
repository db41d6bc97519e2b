import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.evaluation import sampling
from gan_lab.evaluation.sampling import Drawing
from gan_lab.models.latent import LatentGAN
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from gan_lab.utils.images import grid, to_uint8
from tests.conftest import TINY, alike, composed, untrained

BYTES = 8 * 8 * 8  # of a grey 8x8 image at the peak


def prepare(run: Run, **options: Any) -> Drawing:
    defaults: dict[str, Any] = {"which": "last", "count": None, "of_class": None, "seed": 0, "ema": True}
    return sampling.prepare(run, **defaults | options)


def test_a_plain_model_fills_a_square_by_default(run: Run) -> None:
    drawing = prepare(run)
    images = drawing.whole()
    assert images.shape == (64, 1, 8, 8)
    assert (drawing.columns, drawing.model.images_seen) == (8, 640)
    assert -1 <= images.min() < images.max() <= 1
    assert prepare(run, count=10).columns == 4


def test_a_conditional_model_has_whole_rows_of_each_class(conditional_run: Run) -> None:
    drawing = prepare(conditional_run)
    assert (drawing.count, drawing.columns) == (100, 10)
    assert (drawing.in_grid % 10).tolist() == [label for label in range(10) for _ in range(10)]
    assert prepare(conditional_run, count=20).columns == 2
    assert prepare(conditional_run, count=25).columns == 5, "25 images of ten classes have no whole rows"


@pytest.mark.parametrize("count", [1, 10, 63])
def test_an_image_is_the_same_whatever_the_count(run: Run, conditional_run: Run, count: int) -> None:
    for trained in (run, conditional_run):
        many, few = (prepare(trained, count=number, seed=5).whole() for number in (64, count))
        torch.testing.assert_close(few, many[:count])


def test_one_class_is_generated_on_request(conditional_run: Run) -> None:
    classes = prepare(conditional_run, count=10).whole()
    for label in (0, 7):
        of_class = prepare(conditional_run, count=10, of_class=str(label))
        torch.testing.assert_close(of_class.whole()[label], classes[label])  # the same latent
        assert of_class.columns == 4
    with pytest.raises(UserError, match=r"--class 10: .*class 10"):
        prepare(conditional_run, of_class="10")


def test_a_class_goes_by_its_name_or_its_number(conditional_run: Run) -> None:
    names = ["cats", "2", "1", *"defghij"]
    conditional_run.update_record(data={"classes": names})
    for named, label in (("cats", 0), ("0", 0), ("2", 1), ("1", 2), ("j", 9), ("9", 9)):
        asked = prepare(conditional_run, count=3, of_class=named)
        assert asked.title == f"3 images of class {label} ({names[label]})"
        expected = prepare(conditional_run, count=10).whole()[label]
        torch.testing.assert_close(prepare(conditional_run, count=10, of_class=named).whole()[label], expected)
    listed = ", ".join(f"{label} {name}" for label, name in enumerate(names))
    for asked_for, hint in (("catz", "Did you mean cats? "), ("elephants", "")):
        with pytest.raises(UserError) as caught:
            prepare(conditional_run, of_class=asked_for)
        assert str(caught.value) == f"--class {asked_for}: no such class. {hint}The run has {listed}."


def test_classes_without_names_have_numbers_only(run: Run, conditional_run: Run) -> None:
    assert prepare(conditional_run, of_class="3").title == "64 images of class 3"
    assert prepare(run).title == "64 images"
    assert prepare(run, count=1).title == "1 image"
    with pytest.raises(UserError, match=r"^--class cats: no such class\. The run's classes have numbers only\.$"):
        prepare(conditional_run, of_class="cats")
    for named in ("cats", "0"):
        with pytest.raises(UserError, match=f"^--class {named}: VanillaGAN knows no classes; model=cgan does$"):
            prepare(run, of_class=named)


def test_categories_that_a_model_has_found_have_numbers_and_no_names(tmp_path: Path) -> None:
    run = Run(tmp_path / "infogan")
    run.save_config(composed("model=infogan", "model/network=mlp", *TINY[1:]))
    checkpoint = {"state_dict": untrained(run).state_dict(), "images_seen": 320}
    AtomicCheckpointIO().save_checkpoint(checkpoint, run.checkpoint)
    run.update_record(status="interrupted", data={"classes": ["cats", *"123456789"]})
    drawing = prepare(run, of_class="3", count=4)
    assert drawing.title == "4 images of class 3"
    assert not torch.equal(drawing.whole(), prepare(run, count=4).whole())
    torch.testing.assert_close(drawing.whole()[:2], prepare(run, of_class="3", count=2).whole())
    with pytest.raises(UserError, match="^--class cats: no such class"):
        prepare(run, of_class="cats")
    with pytest.raises(UserError, match="^--class 10: there is no category 10: the run has 0 to 9$"):
        prepare(run, of_class="10")


def test_the_seed_decides_and_chunks_do_not(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    images = prepare(run, count=7).whole()
    assert torch.equal(prepare(run, count=7).whole(), images)
    assert not torch.equal(prepare(run, count=7, seed=1).whole(), images)
    monkeypatch.setattr(sampling, "at_once", lambda *_: 3)
    torch.testing.assert_close(prepare(run, count=7).whole(), images)


def test_images_are_generated_in_whole_blocks_and_not_held(
    conditional_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sampling, "at_once", lambda *_: 32)
    drawn, sizes, original = list["weakref.ref[torch.Tensor]"](), list[int](), LatentGAN.sample

    def spy(self: LatentGAN, latents: torch.Tensor, *condition: torch.Tensor, **options: Any) -> torch.Tensor:
        assert sum(batch() is not None for batch in drawn) <= 1, "the one before"
        images = original(self, latents, *condition, **options)
        drawn.append(weakref.ref(images))
        sizes.append(len(images))
        return images

    expected = prepare(conditional_run, count=150).whole()
    monkeypatch.setattr(LatentGAN, "sample", spy)
    drawing = prepare(conditional_run, count=150)
    held = [to_uint8(images).cpu() for images in drawing.batches()]
    assert sizes == [1, 32, 32, 32, 32, 22]
    assert alike(torch.cat(held), to_uint8(expected))
    assert torch.equal(torch.cat(list(drawing.pixels())), torch.cat(held))
    picture = grid(expected[drawing.in_grid], drawing.columns)
    assert alike(drawing.grid(), picture)


def test_only_a_grid_needs_memory_for_all_images(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = prepare(run, count=100)
    monkeypatch.setattr(sampling.memory, "available", lambda: 100 * 10 * 10 * 15 - 1)
    with pytest.raises(
        UserError, match=r"^--count 100: a grid of .*; write them to a folder or a \.npy file, which takes"
    ):
        drawing.grid()
    assert sum(len(batch) for batch in drawing.batches()) == 100


def test_a_device_is_the_best_or_as_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    for options in ({}, {"device": "auto"}, {"device": "cpu"}):
        assert prepare(run, **options).model.device == torch.device("cpu")
    with pytest.raises(UserError, match="--device cuda:1: not on this machine, which has cpu"):
        prepare(run, device="cuda:1")


def test_the_moving_average_or_the_raw_weights_generate(run: Run) -> None:
    checkpoint = torch.load(run.checkpoint, weights_only=True)
    weights = checkpoint["state_dict"]
    raw = {name: value + 1 for name, value in weights.items() if name.startswith("generator.")}
    torch.save(checkpoint | {"state_dict": weights | raw}, run.checkpoint)
    assert not torch.equal(prepare(run, count=2).whole(), prepare(run, count=2, ema=False).whole())


def test_more_than_memory_holds_is_refused_before_it_is_generated(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling.memory, "available", lambda: 10 * BYTES)
    assert len(prepare(run, count=10).whole()) == 10
    with pytest.raises(UserError, match=r"--count 11: these images need 0 GB of memory, and 0 GB are available"):
        prepare(run, count=11).whole()


@pytest.mark.parametrize("each", [1, 3, 16])
def test_an_image_is_the_same_in_any_batch_up_to_rounding(
    run: Run, conditional_run: Run, monkeypatch: pytest.MonkeyPatch, each: int
) -> None:
    for trained in (run, conditional_run):
        drawing = prepare(trained, count=20, seed=3)
        drawing.model.double()
        together = torch.cat([*drawing.batches()])
        assert together.dtype == torch.float64
        monkeypatch.setattr(sampling, "at_once", lambda *_: each)
        torch.testing.assert_close(torch.cat([*drawing.batches()]), together, rtol=0, atol=1e-12)
        monkeypatch.undo()


def test_each_class_is_drawn_as_often_as_asked(conditional_run: Run) -> None:
    drawing = prepare(conditional_run, per_class=3)
    assert drawing.labels is not None
    assert torch.bincount(drawing.labels).tolist() == [3] * 10
    torch.testing.assert_close(prepare(conditional_run, count=30).whole(), torch.cat([*drawing.batches()]))
    of_one = prepare(conditional_run, per_class=3, of_class="4")
    assert of_one.labels is not None
    assert of_one.labels.tolist() == [4, 4, 4]
    first = prepare(conditional_run, per_class=30).first
    assert (first.count, first.columns) == (100, 10)
    assert prepare(conditional_run, count=7).first.count == 7


def test_found_categories_have_no_turns(tmp_path: Path) -> None:
    run = Run(tmp_path / "infogan")
    run.save_config(composed("model=infogan", "model/network=mlp", *TINY[1:]))
    checkpoint = {"state_dict": untrained(run).state_dict(), "images_seen": 320}
    AtomicCheckpointIO().save_checkpoint(checkpoint, run.checkpoint)
    run.update_record(status="interrupted")
    with pytest.raises(UserError, match="^--per-class 2: the categories of this run were found, and don't take turns"):
        prepare(run, per_class=2)
    assert prepare(run, per_class=2, of_class="3").count == 2


@pytest.mark.parametrize(
    ("names", "folders"),
    [
        ([], ["0", "1", "2"]),
        (["cats", "dogs", "eels"], ["cats", "dogs", "eels"]),
        (["eels", "cats", "dogs"], ["0_eels", "1_cats", "2_dogs"]),
        (["a2", "a10", "b"], ["0_a2", "1_a10", "2_b"]),
        (["a10", "a2", "b"], ["0_a10", "1_a2", "2_b"]),
        (["one", "test", "train"], ["0_one", "1_test", "2_train"]),
        (["A", "B", "a"], ["0_A", "1_B", "2_a"]),
        (["../x", "a/b", "c:"], ["0_x", "1_a_b", "2_c"]),
        (["a", "b"], ["0", "1", "2"]),
    ],
)
def test_folders_of_classes_are_safe_and_sort_by_label(names: list[str], folders: list[str]) -> None:
    assert sampling.class_folders(names, 3) == folders
    assert sorted(folders) == folders
    assert len(sampling.class_folders([], 1001)) == 1001
    assert sampling.class_folders([], 1001) == sorted(sampling.class_folders([], 1001))
