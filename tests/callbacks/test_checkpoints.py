import errno
import itertools
import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from lightning.pytorch.callbacks import Callback

from gan_lab.callbacks import checkpoints
from gan_lab.callbacks.checkpoints import BestCheckpoint, are_finite
from gan_lab.callbacks.graceful_stop import Interrupted
from gan_lab.callbacks.scores import Best, Scores
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.utils.errors import UserError
from tests.conftest import InTwo, TinyImages, fit, full_disk, last_checkpoint, same, tiny_gan, weights
from tests.distributed.test_strategy import train


class Saves(AtomicCheckpointIO):
    """Notes the step of each checkpoint, and fails at the steps of `fails_at`."""

    def __init__(self, fails_at: tuple[int, ...] = ()) -> None:
        self.steps: list[int] = []
        self.best: list[int] = []
        self.fails_at = fails_at

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        step = checkpoint["global_step"]
        if step in self.fails_at:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        (self.best if Path(path).name == "best.ckpt" else self.steps).append(step)
        super().save_checkpoint(checkpoint, path, storage_options)


class RaiseAt(Callback):
    """Fails after a number of batches, or in the middle of the step after them."""

    def __init__(self, error: BaseException, batches: int, between_players: bool = False) -> None:
        self.error = error
        self.turn = 2 * batches + between_players
        self.turns = 0

    def on_before_optimizer_step(self, *_: Any) -> None:
        self.turns += 1
        if self.turns == self.turn + 1 and self.turn % 2:
            raise self.error

    def on_train_batch_end(self, *_: Any) -> None:
        if self.turns == self.turn:
            raise self.error


BATCH = 8  # images


def run(folder: Path, every: int, *callbacks: Callback, fails_at: tuple[int, ...] = (), **options: Any) -> list[int]:
    saves = Saves(fails_at)
    own = {name: options.pop(name) for name in ("every_n_minutes", "keep_every_n_images") if name in options}
    keep = last_checkpoint(folder / "last.ckpt", every * BATCH, **own)
    options = {"callbacks": [*callbacks, keep], "plugins": [saves], "enable_checkpointing": True, **options}
    fit(tiny_gan(), TinyImages(count=32), **options)  # epochs of 4 batches
    return saves.steps


@pytest.mark.parametrize(("every", "steps"), [(3, [0, 3, 6, 9, 10]), (5, [0, 5, 10, 10]), (100, [0, 10])])
def test_saved_at_the_start_every_n_images_and_at_the_end(every: int, steps: list[int], tmp_path: Path) -> None:
    assert run(tmp_path, every, max_steps=10) == steps
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last.ckpt", "previous.ckpt"]


def step_of(file: Path) -> int:
    step: int = torch.load(file, weights_only=True)["global_step"]
    return step


def test_the_one_before_the_last_is_kept(tmp_path: Path) -> None:
    run(tmp_path, 3, max_steps=8)
    assert (step_of(tmp_path / "last.ckpt"), step_of(tmp_path / "previous.ckpt")) == (8, 6)


def test_every_k_are_kept_for_good(tmp_path: Path) -> None:
    assert run(tmp_path, 5, keep_every_n_images=4 * BATCH, max_steps=13) == [0, 4, 5, 8, 10, 12, 13]
    kept = {path.name: step_of(path) for path in tmp_path.glob("0*.ckpt")}
    assert kept == {"000000032.ckpt": 4, "000000064.ckpt": 8, "000000096.ckpt": 12}


def test_images_that_batches_do_not_divide_count_at_the_first_batch_that_reaches_them(tmp_path: Path) -> None:
    assert run(tmp_path, 100, keep_every_n_images=20, max_steps=8) == [0, 3, 5, 8, 8]
    assert sorted(path.name for path in tmp_path.glob("0*.ckpt")) == [f"0000000{n}.ckpt" for n in (24, 40, 64)]


def test_a_resumed_run_saves_where_an_uninterrupted_one_does(tmp_path: Path) -> None:
    run(tmp_path, 3, max_steps=5)
    (tmp_path / "last.ckpt").rename(tmp_path / "stop.ckpt")
    assert run(tmp_path, 3, max_steps=10, ckpt_path=tmp_path / "stop.ckpt") == [6, 9, 10]


def test_a_kept_state_is_what_the_run_ends_with(tmp_path: Path) -> None:
    class Late(Callback):
        ended, state_key = False, "late"

        def on_train_end(self, *_: Any) -> None:
            self.ended = True

        def state_dict(self) -> dict[str, Any]:
            return {"ended": self.ended}

    run(tmp_path, 100, Late(), keep_every_n_images=2 * BATCH, max_steps=4)
    states = [torch.load(tmp_path / f"0000000{n}.ckpt", weights_only=True)["callbacks"]["late"] for n in (16, 32)]
    assert states == [{"ended": False}, {"ended": True}]


def test_saved_by_the_clock_at_logging_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    minutes = itertools.count()
    monkeypatch.setattr(checkpoints, "monotonic", lambda: 60.0 * next(minutes))  # one at each look
    steps = run(tmp_path, 1000, every_n_minutes=2.0, log_every_n_steps=3, max_steps=16)
    assert steps == [0, 6, 12, 16]  # a look at 3, 6 and so on, and another for each save


@pytest.mark.parametrize("fails_at", [(4,), (4, 6), (8,)])
def test_a_full_disk_costs_a_checkpoint_and_not_the_run(
    fails_at: tuple[int, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    steps = run(tmp_path, 2, fails_at=fails_at, keep_every_n_images=2 * BATCH, max_steps=9)
    assert steps == [step for step in (0, 2, 4, 6, 8, 9) if step not in fails_at]
    assert step_of(tmp_path / "last.ckpt") == 9
    late = {9} if 8 in fails_at else set()  # what should have been kept for good is owed
    assert {int(path.stem) // BATCH for path in tmp_path.glob("0*.ckpt")} == {2, 4, 6, 8} - set(fails_at) | late
    assert caplog.text.count(f"{tmp_path}/last.ckpt can't be written: No space left on device") == 1


def test_a_run_that_can_not_be_saved_at_all_does_not_begin(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"last\.ckpt can't be written: No space left .*: there is no checkpoint yet"):
        run(tmp_path, 2, fails_at=(0,), max_steps=9)
    assert not list(tmp_path.iterdir())


def test_a_save_that_failed_is_tried_again_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count(step=8)
    monkeypatch.setattr(checkpoints, "monotonic", lambda: float(next(seconds)))  # eight between two looks
    assert run(tmp_path, 5, fails_at=(5,), log_every_n_steps=1, max_steps=9) == [0, 7, 9]


def saves_of_one_of_two(folder: Path) -> list[int]:
    """The batches saved by one of two processes, of which the first finds the disk full once, before it writes."""
    dist.init_process_group("gloo", timeout=timedelta(minutes=1))  # instead of half an hour
    saves, link_or_copy, calls = Saves(), checkpoints.link_or_copy, itertools.count()

    def link_later(source: Path, target: Path) -> None:
        if next(calls) == 0:
            full_disk()
        link_or_copy(source, target)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(checkpoints, "link_or_copy", link_later)
        # After three batches the generator's numbers wait to be logged, of which a checkpoint has everybody's mean.
        model, keep = tiny_gan(n_critic=3), last_checkpoint(folder / "last.ckpt", 3 * 2 * BATCH)
        options: dict[str, Any] = {"world_size": 2, "precision": "32-true", "log_every_n_steps": 5, "plugins": [saves]}
        train(model, TinyImages(), keep, max_steps=4, enable_checkpointing=True, **options)
    return saves.steps


def test_a_disk_that_is_full_for_the_process_that_writes_keeps_no_other_waiting(in_two: InTwo, tmp_path: Path) -> None:
    assert in_two(saves_of_one_of_two, tmp_path) == [[0, 4], []]


def test_a_last_state_that_can_not_be_saved_is_no_end(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"No space left .* resume the run: its last state isn't saved"):
        run(tmp_path, 2, fails_at=(9,), max_steps=9)
    assert step_of(tmp_path / "last.ckpt") == 8


def test_a_best_state_that_can_not_be_saved_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fids: list[float] = [5, 3, 4, 2, 6, 6]
    full = iter([OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))])

    class FullOnce(Saves):
        def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
            if Path(path).name == "best.ckpt" and checkpoint["global_step"] == 4 and (error := next(full, None)):
                raise error
            super().save_checkpoint(checkpoint, path, storage_options)

    monkeypatch.setattr("tests.callbacks.test_checkpoints.Saves", FullOnce)
    assert judged(tmp_path, fids, max_steps=5) == [1, 2, 4]
    assert best(tmp_path) == (4, 2)
    whole = tmp_path / "whole"
    monkeypatch.undo()
    judged(whole, fids, max_steps=5)
    one, other = (torch.load(folder / "best.ckpt", weights_only=True)["state_dict"] for folder in (tmp_path, whole))
    assert same(one, other), "of its own batch, not of the one at which it was written"


def test_a_best_state_that_waits_is_written_before_a_checkpoint_that_knows_of_it(tmp_path: Path) -> None:
    """A kill may come right after that checkpoint."""
    orders: list[tuple[str, int]] = []

    class FullOnce(Saves):
        def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
            place = Path(path).name, checkpoint["global_step"]
            orders.append(place)
            if orders.count(place) == 1 and place == ("best.ckpt", 2):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            super().save_checkpoint(checkpoint, path, storage_options)

    both = [BestCheckpoint(file=str(tmp_path / "best.ckpt")), last_checkpoint(tmp_path / "last.ckpt", 4 * BATCH)]
    callbacks = [Judge([5, 1, 2, 3, 4, 5]), *both]
    fit(tiny_gan(), callbacks=callbacks, plugins=[FullOnce()], enable_checkpointing=True, max_steps=5)
    assert orders[1:5] == [("best.ckpt", 1), ("best.ckpt", 2), ("best.ckpt", 2), ("last.ckpt", 4)]
    assert best(tmp_path) == (2, 1)


def test_a_broken_state_is_neither_the_best_nor_kept_for_good(tmp_path: Path) -> None:
    class Break(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            if trainer.global_step == 3:
                pl_module.discriminator.output.bias.data.fill_(torch.nan)

    assert judged(tmp_path, [5, 4, 3, 2, 1, 1], Break(), max_steps=5) == [1, 2]
    run(tmp_path / "kept", 100, Break(), keep_every_n_images=2 * BATCH, max_steps=5)
    assert [path.name for path in (tmp_path / "kept").glob("0*.ckpt")] == ["000000016.ckpt"]


@pytest.mark.bits
@pytest.mark.parametrize("batches", [3, 4, 6])
def test_an_interruption_is_saved_and_resumes_with_the_same_bits(batches: int, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        run(tmp_path, 100, RaiseAt(Interrupted(2), batches), max_steps=10)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == batches
    whole, resumed = tiny_gan(), tiny_gan(init_seed=3)
    fit(whole, TinyImages(count=32), max_steps=10)
    fit(resumed, TinyImages(count=32), max_steps=10, ckpt_path=tmp_path / "last.ckpt")
    assert same(weights(whole), weights(resumed))


def test_a_crash_between_the_players_leaves_the_checkpoint_before_it(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="crash"):
        run(tmp_path, 2, RaiseAt(RuntimeError("crash"), 5, between_players=True), max_steps=10)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 4


def test_checkpoints_hold_only_what_weights_only_loads(tmp_path: Path) -> None:
    run(tmp_path, 3, max_steps=3)
    loaded = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert loaded["images_seen"] == 24
    assert "hyper_parameters" not in loaded


class Judge(Scores):
    """Finds a given FID after each batch."""

    def __init__(self, fids: list[float], batches: int = 0) -> None:
        self.best: Best | None = None
        self.fids = fids
        self.batches = batches

    def on_fit_start(self, *_: Any) -> None: ...

    def on_train_start(self, *_: Any) -> None: ...

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        self.judge(pl_module)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self.judge(pl_module)  # the last state, scored at the end only

    def on_fit_end(self, *_: Any) -> None: ...

    def judge(self, pl_module: Any) -> None:
        self.batches += 1
        fid = self.fids[self.batches - 1]
        if self.best is None or fid < self.best.value:
            self.best = Best(pl_module.images_seen, "fid", fid, {})

    def state_dict(self) -> dict[str, Any]:
        return {"scored_at": 0, "best": vars(self.best) if self.best else None}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best = Best(**state_dict["best"])


def judged(
    folder: Path, fids: list[float], *callbacks: Callback, fails_at: tuple[int, ...] = (), **options: Any
) -> list[int]:
    """The steps at which the best state was saved, one more judgement than batches."""
    saves = Saves(fails_at)
    # The other checkpoint comes afterwards, as configured: on a resume it knows what is the best.
    both = [BestCheckpoint(file=str(folder / "best.ckpt")), last_checkpoint(folder / "l", 9999)]
    options = {"plugins": [saves], "enable_checkpointing": True, **options}
    fit(tiny_gan(), callbacks=[Judge(fids), *callbacks, *both], **options)
    return saves.best


def best(folder: Path) -> tuple[int, float]:
    """Step and FID in the best checkpoint."""
    loaded = torch.load(folder / "best.ckpt", weights_only=True)
    return loaded["global_step"], loaded["callbacks"]["Judge"]["best"]["value"]


@pytest.mark.parametrize(
    ("fids", "steps"),
    [([5, 3, 4, 2, 6, 6], [1, 2, 4]), ([1, 2, 2, 2, 2, 2], [1]), ([9, 9, 9, 9, 8, 8], [1, 5])],
)
def test_the_best_state_so_far_is_kept(fids: list[float], steps: list[int], tmp_path: Path) -> None:
    assert judged(tmp_path, fids, max_steps=5) == steps
    assert best(tmp_path) == (steps[-1], min(fids))


def test_a_state_that_is_judged_the_best_at_the_end_is_kept(tmp_path: Path) -> None:
    assert judged(tmp_path, [3, 3, 1], max_steps=2) == [1, 2]
    assert best(tmp_path) == (2, 1)


def test_the_best_state_takes_no_room_of_its_own_where_it_is_the_last(tmp_path: Path) -> None:
    judged(tmp_path, [3, 3, 1], max_steps=2)
    assert (tmp_path / "best.ckpt").samefile(tmp_path / "l")
    judged(tmp_path, [3, 1, 2, 2], max_steps=3)
    assert best(tmp_path) == (2, 1)
    assert not (tmp_path / "best.ckpt").samefile(tmp_path / "l")


def test_an_interruption_right_after_the_best_does_not_lose_it(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        judged(tmp_path, [3, 1, 2], RaiseAt(Interrupted(2), 2), max_steps=3)
    assert best(tmp_path) == (2, 1)


def test_a_resumed_run_replaces_the_best_by_a_better_one_only(tmp_path: Path) -> None:
    judged(tmp_path, [3, 2, 4], max_steps=2)
    stop = (tmp_path / "l").rename(tmp_path / "stop.ckpt")
    assert judged(tmp_path, [5, 6, 7], max_steps=4, ckpt_path=stop) == []
    assert best(tmp_path) == (2, 2)
    assert judged(tmp_path, [5, 1, 7], max_steps=4, ckpt_path=stop) == [4]
    assert best(tmp_path) == (4, 1)


def test_without_scores_there_is_no_best(tmp_path: Path) -> None:
    assert run(tmp_path, 100, BestCheckpoint(file=str(tmp_path / "best.ckpt")), max_steps=2) == [0, 2]
    assert not (tmp_path / "best.ckpt").exists()


@pytest.mark.parametrize("broken", ["generator", "optimizer"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_broken_state_never_takes_the_place_of_a_good_one(
    broken: str, value: float, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Break(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            if trainer.global_step == 5:
                (state, *_) = trainer.optimizers[0].state.values()
                target = pl_module.generator.output[0].weight.data if broken == "generator" else state["exp_avg"]
                target[0, 0] = value

    keep = last_checkpoint(tmp_path / "last.ckpt", 2 * BATCH)
    adam = partial(torch.optim.Adam, lr=1e-3)
    model = tiny_gan(optimizer={"generator": adam, "discriminator": adam})
    fit(model, max_steps=7, callbacks=[Break(), keep], enable_checkpointing=True)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 4
    assert "Batch 7: not saved, weights or optimizer states are not finite" in caplog.text


def test_an_interruption_of_a_broken_state_is_not_saved_either(tmp_path: Path) -> None:
    class Break(Callback):
        def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
            pl_module.discriminator.output.bias.data.fill_(torch.nan)
            raise Interrupted(2)

    with pytest.raises(Interrupted):
        run(tmp_path, 100, Break(), max_steps=3)
    assert step_of(tmp_path / "last.ckpt") == 0


def test_a_doubted_state_is_kept_at_the_end_only(tmp_path: Path) -> None:
    saves = Saves()
    keep = last_checkpoint(tmp_path / "last.ckpt", 2 * BATCH)
    keep.hold = True
    fit(tiny_gan(), max_steps=5, callbacks=[keep], plugins=[saves], enable_checkpointing=True)
    assert saves.steps == [0, 5]


def test_finite_means_no_nan_and_no_infinity() -> None:
    good = torch.tensor([1e30, -1e30])
    assert are_finite([good, torch.zeros(2)])
    assert are_finite([])
    for bad in ([torch.nan], [torch.inf], [torch.inf, -torch.inf]):
        assert not are_finite([good, torch.tensor(bad)])
