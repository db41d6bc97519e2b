"""Tables of a card, tried out on the CPU: how they share the time, what they say of a row that fails, and the cells."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from benchmarks.gpu import __main__ as program
from benchmarks.gpu import choices, flops, memory, precisions, scores, steps, tables, training
from benchmarks.gpu.device import Cpu
from benchmarks.gpu.tables import Bench, Table, measured
from benchmarks.precisions import MODELS, Option, Training
from gan_lab.utils.errors import UserError
from tests.conftest import REPOSITORY


class Kept(Cpu):
    """A CPU whose memory nobody collects: that takes a second in a process of tests."""

    def free(self) -> None:
        pass


BENCH = Bench(
    device=Kept(),
    models=("vanilla", "pix2pix"),
    seconds=0.0,
    rounds=1,
    width=4,
    overrides=("data.batch_size=2",),
    data="data",
    emoji=None,
    minutes=0.1,
    samples=64,
    largest=8,
    peak=None,
)


class Clock:
    """A clock that rows move."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    for module in (tables, memory):
        monkeypatch.setattr(module, "perf_counter", moved)
    return moved


def lines_of(table: Table, seconds: float) -> list[str]:
    """The rows that came out, without heads."""
    lines = [line for line in measured(table, seconds, Kept()) if line.startswith("| ") and "name" not in line]
    return [line.strip("| ") for line in lines]


def part(clock: Clock, *took: float) -> Table:
    """A table whose rows take so many seconds, and say how many they were given."""

    def row(seconds: float, took: float) -> Sequence[str]:
        clock.now += took
        return [f"{seconds:.0f}"]

    def row_of(took: float) -> Any:
        return lambda seconds: row(seconds, took)

    return Table("A table", ["name", "given"], {f"row {n}": row_of(time) for n, time in enumerate(took)})


def test_rows_share_the_time_of_a_table_and_none_begins_after_it(clock: Clock) -> None:
    assert lines_of(part(clock, 10, 10, 10), seconds=20) == [
        "row 0 | 7",
        "row 1 | 5",
        "row 2 | not measured: the time was up",
    ]


def test_parts_share_the_time_and_one_that_crashes_or_hangs_leaves_the_others_alone(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given, ended = [], []

    class Process:
        def __init__(self, command: list[str], start_new_session: bool) -> None:
            self.pid, self.code = len(given), None
            given.append(command[3:])

        def wait(self, timeout: float = 0.0) -> int:
            clock.now += 10 if self.code is None and self.pid not in ended else 0
            if self.pid == 1 and self.pid not in ended:
                raise subprocess.TimeoutExpired("", timeout)
            self.code = self.code or (0, -9, -11)[self.pid]
            return self.code

        def poll(self) -> int | None:
            return None if self.pid == 1 and self.pid not in ended else 0

    monkeypatch.setattr(program, "perf_counter", clock)
    monkeypatch.setattr(subprocess, "Popen", Process)
    monkeypatch.setattr(os, "killpg", lambda pid, number: ended.append(pid))
    program.apart(["flops", "steps", "memory", "scores"], 30, ["--device", "cpu"])
    shares = {"flops": "6", "steps": "10", "memory": "8"}  # a fifth of 30, half of 20, three quarters of 10
    assert given == [["--device", "cpu", "--parts", part, "--seconds", share] for part, share in shares.items()]
    assert ended == [1]
    said = [line for line in capsys.readouterr().out.splitlines() if line]
    assert said == [
        "steps was ended 120 seconds after its time",
        "memory ended with code -11",
        "scores: not measured: the time was up",
    ]


def test_ways_that_fail_or_come_too_late_leave_the_others_alone(clock: Clock) -> None:
    def begin(took: float, error: Exception | None = None) -> Any:
        def begins() -> Any:
            clock.now += took
            if error is not None:
                raise error
            return lambda: 1.0

        return begins

    ways = {"first": begin(5), "bad": begin(5, RuntimeError("no double backward")), "last": begin(5), "late": begin(5)}
    working, missing = tables.begun(ways, 12)
    assert ([*working], missing) == (["first", "last"], {"bad": "fails", "late": "no time"})
    with pytest.raises(RuntimeError, match="double"):
        tables.begun({"first": ways["bad"], "second": ways["last"]}, 12)


def test_a_row_that_fails_says_so_and_the_others_go_on(clock: Clock) -> None:
    def fails(seconds: float) -> Sequence[str]:
        raise UserError("out of luck\nand more")

    table = part(clock, 1)
    assert lines_of(replace(table, rows={"bad": fails} | table.rows), seconds=10) == [
        "bad | failed: out of luck",
        "row 0 | 10",
    ]


def test_steps_have_all_ways_that_the_device_has() -> None:
    head, rows = steps.table(BENCH).columns, steps.table(BENCH).rows
    cells = dict(zip(head[1:], rows["pix2pix"](100.0), strict=True))
    assert float(cells["eager"].split()[0].replace(",", "")) > 0
    assert cells["time in kernels, eager"].endswith("%")
    assert [cells[name] for name in ("graphs", "hand-written", "time in kernels, graphs")] == ["n/a"] * 3
    assert {*MODELS} - {*steps.WRITTEN} == {"acgan", "infogan", "stylegan2", "pix2pix", "cut"}


@pytest.mark.parametrize("model", steps.WRITTEN)
def test_a_loop_by_hand_takes_a_step_of_each_variant_that_has_one(model: str) -> None:
    trained = BENCH.training(model, steps.WAYS[0], images=64)
    steps.loop(BENCH, trained, model, compiled=False)()
    assert steps.speed(BENCH, steps.loop(BENCH, trained, model, compiled=False), trained, 1) > 0


def test_other_tables_have_a_cell_for_each_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precisions, "OPTIONS", precisions.OPTIONS[:1])
    monkeypatch.setattr(choices, "CHOICES", (choices.DEFAULT, choices.CHOICES[-2]))
    monkeypatch.setattr(scores, "REAL", 64)
    monkeypatch.setattr(scores, "FEW", 64)
    for table, name in (
        (choices.table(BENCH), "dcgan, `dcgan_small`"),
        (precisions.table(BENCH), "vanilla"),
        (scores.table(BENCH), "`dcgan_small`, classifier of digits"),
    ):
        cells = table.rows[name](100.0)
        assert len(cells) == len(table.columns) - 1
        assert all(float(cell.split()[0].replace(",", "")) >= 0 for cell in cells)


def test_features_that_cost_nothing_are_as_many_as_those_of_inception() -> None:
    real = SimpleNamespace(data=SimpleNamespace(image_size=(32, 32)))
    assert scores.extractor_of("free", real).num_features == 2048  # type: ignore[arg-type]


def test_operations_are_those_that_the_preset_states() -> None:
    """471 GFLOP at its own width; here as many as torch's formulas give for a step of a narrow one."""
    narrow = flops.operations(BENCH)
    assert 0 < narrow < 0.01 * 0.471
    twice = flops.operations(replace(BENCH, width=8))
    assert 1.5 * narrow < twice < 4 * narrow


@pytest.mark.parametrize("kind", [torch.nn.Conv2d, torch.nn.ConvTranspose2d])
@pytest.mark.parametrize("groups", [1, 4])
def test_each_gradient_of_a_convolution_takes_what_its_forward_takes(kind: Any, groups: int) -> None:
    images = torch.zeros(2, 8, 6, 6, requires_grad=True)
    convolution = kind(8, 16, 4, stride=2, padding=1, groups=groups, bias=False)
    with flops.Flops() as forward:
        made = convolution(images)
    with flops.Flops() as backward:
        made.sum().backward()
    assert backward.total == 2 * forward.total > 0


@pytest.mark.parametrize(
    ("name", "peak"),
    [
        ("NVIDIA H100 80GB HBM3, 85 GB, CUDA 13.0", 989),
        ("NVIDIA H100 PCIe, 85 GB", 756),
        ("NVIDIA A10G, 24 GB", None),
        ("NVIDIA L40S", 362),
        ("NVIDIA GeForce RTX 4090", 165),
    ],
)
def test_a_card_has_the_peak_of_its_data_sheet(name: str, peak: int | None) -> None:
    assert flops.peak_of(name) == peak


def test_a_share_of_the_peak_needs_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flops, "BATCH", 2)
    monkeypatch.setattr(flops, "operations", lambda bench: 2.0)
    monkeypatch.setattr(flops, "in_turn", lambda ways, rounds: [(3.0, 1.0)])
    assert flops.measure(BENCH, flops.WAYS[0], 0.0) == ["3.0", "6.00", "peak unknown: give --peak-tflops"]
    assert flops.measure(replace(BENCH, peak=60.0), flops.WAYS[0], 0.0) == ["3.0", "6.00", "10.0%"]


@pytest.mark.parametrize("preset", memory.PRESETS)
def test_every_preset_can_be_built(preset: str) -> None:
    (model, *rest), own = memory.PRESETS[preset]
    built = BENCH.training(model, memory.FLOAT32, *rest, f"data.batch_size={own}", images=1)
    assert built.images_per_batch == own * built.model.images_per_place


def test_a_training_step_takes_memory() -> None:
    bytes_taken = memory.taken(BENCH, memory.FLOAT32, ("vanilla",), 2)
    assert bytes_taken is not None
    assert bytes_taken > 0


@pytest.mark.parametrize(
    ("fits_up_to", "own", "largest", "said"),
    [
        (2000, 8, 1024, "512 (1,024 fails)"),
        (40, 8, 1024, "32"),
        (40, 8, 16, ">= 16"),
        (4, 16, 1024, "4"),
        (0, 4, 1024, "< 1"),
        (8, 8, 1024, "8"),
    ],
)
def test_the_largest_batch_is_found_by_doubling_and_by_halving(
    fits_up_to: int, own: int, largest: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def training(model: str, option: Option, *overrides: str, images: int) -> Any:
        def take(batches: int) -> float:
            if images > fits_up_to:
                raise torch.OutOfMemoryError("CUDA out of memory")
            if images > 1000:
                raise RuntimeError("input tensor must fit into 32-bit index math")
            return 1.0

        return SimpleNamespace(round=take)

    monkeypatch.setattr(Bench, "training", staticmethod(training))
    cells = memory.measure(replace(BENCH, largest=largest), (("vanilla",), own), 100.0)
    assert (cells[0], cells[2], cells[4]) == (f"{own:,}", said, said)
    assert (cells[1] == "more than there is") is (own > fits_up_to)


def test_memory_that_a_graph_lacks_is_no_refusal_of_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    causes = [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("operation not permitted")]

    def training(*_: Any, **__: Any) -> Any:
        raise UserError("the step can't be a CUDA graph") from causes.pop(0)

    monkeypatch.setattr(Bench, "training", training)
    assert memory.taken(BENCH, memory.GRAPHS, ("vanilla",), 2) is None
    with pytest.raises(UserError):
        memory.taken(BENCH, memory.GRAPHS, ("vanilla",), 2)


def test_a_recipe_is_trained_for_as_many_batches_as_fit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    commands = []

    def run(command: list[str], **_: Any) -> None:
        commands.append(command)
        (folder,) = (word.partition("=")[2] for word in command if word.startswith("hydra.run.dir="))
        Path(folder).mkdir(parents=True)
        record = {"seconds": 90.0, "images_seen": 1234, "scores": {"values": {"modes": 1000.0, "kid_std": 1.0}}}
        (Path(folder) / "run.json").write_text(json.dumps(record))

    monkeypatch.setattr(training.subprocess, "run", run)
    monkeypatch.setattr(Training, "round", lambda self, batches: 3200.0)
    table = training.table(replace(BENCH, minutes=1.0, overrides=()))
    images, minutes, _, found, folder = table.rows["stacked_mnist"](100.0)
    assert (images, minutes, found) == ("1,234", "1.5", "modes 1,000")
    assert Path(folder.strip("`")).parent == Path("logs/gpu")
    assert commands[0][1] == str(REPOSITORY / "train.py")
    (batches,) = (int(word.partition("=")[2]) for word in commands[0] if word.startswith("trainer.max_steps="))
    assert 0.7 * 54 * 100 < batches <= training.RESERVE * 54 * 100  # 100 batches of 32 a second, 54 s without the ends


def test_the_program_names_the_device_and_prints_the_parts(capsys: pytest.CaptureFixture[str]) -> None:
    program.main(["--device", "cpu", "--parts", "memory", "--seconds", "0"])
    printed = capsys.readouterr().out
    assert printed.startswith("CPU, ")
    assert "| `r3gan_ffhq64` | not measured: the time was up |" in printed


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_card_it_says_how_to_try_the_tables_out(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main([])
    assert "there is no CUDA device; --device cpu tries the tables out" in capsys.readouterr().err
