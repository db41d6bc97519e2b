"""Two processes against one: the same game, to the last bits; and what each of the two has of its own."""

import os
import socket
from collections.abc import Callable
from copy import deepcopy
from itertools import product
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from gan_lab.callbacks.graceful_stop import GracefulStop, Interrupted
from gan_lab.callbacks.gradients import TermGradients
from gan_lab.callbacks.scores import Scores
from gan_lab.config.schema import build
from gan_lab.data import mapped, values
from gan_lab.distributed import collectives
from gan_lab.distributed.strategy import UnwrappedDDPStrategy
from gan_lab.metrics import dataset_classifier, select_extractor
from gan_lab.metrics.real_images import RealImages
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.training.trainer import Trainer
from gan_lab.utils import per_image, seeding
from gan_lab.utils.errors import UserError
from tests.conftest import InTwo, TinyImages, composed, same, spy_on_reads, tiny_gan, weights
from tests.distributed.games import GAMES, data_for, dcgan_of_fields, in_double, tiny_dcgan
from tests.metrics.test_translation_scores import Data, dimmed, subject, translator
from tests.models.test_cyclegan import tiny_cyclegan

STEPS = 12
BATCH = 8  # of both processes together


def train(model: AdversarialModule, data: Any, *callbacks: Callback, world_size: int = 1, **options: Any) -> Trainer:
    defaults: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": world_size,
        "num_nodes": 1,
        "precision": "64-true",
        "matmul_precision": "highest",
        "compile": False,
        "cuda_graphs": False,
        "max_epochs": None,
        "log_every_n_steps": STEPS,
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "callbacks": list(callbacks),
        "plugins": [AtomicCheckpointIO()],
    }
    start = options.pop("start", None)
    trainer = Trainer(**defaults | {"max_steps": STEPS} | options)
    trainer.fit(model, data, ckpt_path=start, weights_only=True)
    return trainer


def share_noise(monkeypatch: pytest.MonkeyPatch, rank: int, world_size: int) -> None:
    """Have two processes draw, together, the noise that one would have drawn."""
    derive = seeding.derive
    monkeypatch.setattr(seeding, "derive", lambda seed, *key: derive(seed, *key[:2]))  # without the rank

    own = per_image.own

    def shared(draw: Callable[[int], Tensor], count: int) -> Tensor:
        return own(lambda n: draw(n * world_size).chunk(world_size)[rank], count)

    monkeypatch.setattr(per_image, "own", shared)


def play(name: str, world_size: int = 2) -> dict[str, Any]:
    """Train a game as one of so many processes; what came of it."""
    rank = int(os.environ["RANK"]) if world_size > 1 else 0
    torch.manual_seed(rank)  # which must not matter to the second
    model = GAMES[name]()
    with pytest.MonkeyPatch.context() as monkeypatch:
        share_noise(monkeypatch, rank, world_size)
        data = in_double(data_for(model, BATCH // world_size))
        trainer = train(model, data, TermGradients(every_n_logs=1), world_size=world_size)
    logged = {name: float(value) for name, value in trainer.callback_metrics.items() if name != "images_per_second"}
    return {"weights": weights(model), "logged": logged, "images_seen": model.images_seen}


class Diary(Callback):
    """Notes what a process has trained on."""

    def __init__(self) -> None:
        self.images: list[Tensor] = []

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.images.append(batch[0].clone())


def fields(folder: Path, batch_size: int) -> Any:
    """Scans of five channels and 16 bits that are no squares, as `data=image_folder` loads them."""
    options = ("data.image_size=[48,96]", "data.channels=5", "data.depth=16", "data.window=[0,4095]")
    typed = (f"data.root={folder}/fields.npz", "data.num_classes=2", f"data.batch_size={batch_size}", *options)
    typed = (*typed, f"data.cache={folder}/cache")
    return build(composed("data=image_folder", *typed).data)


def play_on_fields(folder: Path, world_size: int = 2) -> dict[str, Any]:
    """Train a DCGAN without batch statistics, in float64, as one of so many processes."""
    rank = int(os.environ["RANK"]) if world_size > 1 else 0
    torch.manual_seed(rank)
    model = dcgan_of_fields()
    with pytest.MonkeyPatch.context() as monkeypatch:
        share_noise(monkeypatch, rank, world_size)
        train(model, in_double(fields(folder, BATCH // world_size)), max_steps=6, world_size=world_size)
    return {"weights": weights(model), "images_seen": model.images_seen}


def decode_fields(folder: Path) -> dict[str, Any]:
    """Load the images of all splits as one of two processes; the number that this one has decoded."""
    model, data = dcgan_of_fields(), fields(folder, 4)
    read, names = values.read, []
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(values, "read", lambda path, **options: names.append(path.name) or read(path, **options))
        train(model, data, max_steps=1, world_size=2, precision="32-true")
        data.setup("test")
    images = {split: dataset.images for split, dataset in data.splits.items()}
    return {"decoded": names, "images": images, "mapped": [*map(mapped.is_mapped, images.values())]}


def resume_on_fields(folder: Path) -> dict[str, Any]:
    """Six steps at once; and three steps, saved, and three more of another model."""
    options: dict[str, Any] = {"world_size": 2, "precision": "32-true"}
    whole, first, second = dcgan_of_fields(), dcgan_of_fields(), dcgan_of_fields(init_seed=1)
    train(whole, fields(folder, 4), max_steps=6, **options)
    train(first, fields(folder, 4), max_steps=3, **options).save_checkpoint(folder / "fields.ckpt")
    train(second, fields(folder, 4), max_steps=6, start=folder / "fields.ckpt", **options)
    return {"whole": weights(whole), "resumed": weights(second)}


def own_noise_and_data() -> dict[str, Any]:
    model, diary = tiny_gan(), Diary()
    drawn: list[Tensor] = []
    generate = model.generate
    model.generate = lambda real, condition: drawn.append(generate(real, condition)) or drawn[-1]  # type: ignore[method-assign, func-returns-value]
    train(model, TinyImages(), diary, world_size=2, precision="32-true", max_steps=4)
    return {"images": torch.cat(diary.images), "drawn": drawn[0].detach()}


def batch_norm() -> dict[str, Tensor]:
    model = tiny_dcgan()
    train(model, TinyImages(), world_size=2, precision="32-true")
    return weights(model)


def over_resume(name: str, file: Path) -> dict[str, Any]:
    """Six steps at once, and three steps, saved, and three more."""
    make = RESUMED[name]
    options: dict[str, Any] = {"world_size": 2, "precision": "32-true"}
    torch.manual_seed(0)
    whole, second = make(), make()
    first = deepcopy(whole)
    train(whole, data_for(whole, 4), max_steps=6, **options)
    train(first, data_for(first, 4), max_steps=3, **options).save_checkpoint(file)
    with torch.no_grad():
        for parameter in second.parameters():
            parameter.add_(1.0)  # what is not in the checkpoint would show
    train(second, data_for(second, 4), max_steps=6, start=file, **options)
    return {"whole": weights(whole), "resumed": weights(second)}


RESUMED = GAMES | {"batch norm": tiny_dcgan, "CycleGAN with pools": tiny_cyclegan}


class Meddler(Callback):
    """Moves one of one process's weights, by more than the updates that follow could round away."""

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        if trainer.global_rank == 1 and trainer.global_step == 2:
            next(pl_module.generator.parameters()).data.view(-1)[0] += 0.5


def drift() -> str:
    with pytest.raises(RuntimeError, match="drifted apart") as caught:
        train(tiny_gan(), TinyImages(), Meddler(), world_size=2, precision="32-true", log_every_n_steps=3)
    return str(caught.value)


def reads() -> list[int]:
    """The steps at which a process reads a number off its device."""
    model = tiny_gan()
    with pytest.MonkeyPatch.context() as monkeypatch:
        found = spy_on_reads(monkeypatch, model)
        options: dict[str, Any] = {"world_size": 2, "precision": "32-true", "log_every_n_steps": 10}
        train(model, TinyImages(count=800), max_steps=29, **options)
    return found


class Signalled(GracefulStop):
    """Of two processes, the second alone hears a signal."""

    def on_train_batch_start(self, trainer: Any, *arguments: Any) -> None:
        if trainer.global_rank == 1 and trainer.global_step == 3:
            self.signals.received = 15
        super().on_train_batch_start(trainer, *arguments)


def interruption() -> tuple[int, int]:
    model = tiny_gan()
    with pytest.raises(Interrupted) as caught:
        train(model, TinyImages(), Signalled(), world_size=2, precision="32-true", max_steps=40)
    return int(str(caught.value.code)), model.images_seen


def primitives(backend: str) -> dict[str, Any]:
    """Each function of `collectives`, where the outcome is known."""
    torch.distributed.init_process_group(backend)
    rank = torch.distributed.get_rank()
    floats, doubles = torch.full((3,), float(rank)), torch.tensor([[rank, 4.0]], dtype=torch.double)
    collectives.all_reduce_mean([floats, doubles])
    copied = torch.tensor([rank, 5])
    collectives.broadcast([copied])
    same, other = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])
    other.view(torch.int32)[1] ^= rank  # the lowest bit
    return {
        "average": (floats.tolist(), doubles.tolist()),
        "highest": collectives.all_reduce_max(rank * 15),
        "broadcast": copied.tolist(),
        "differing": collectives.mismatched([same, other, same.bfloat16(), torch.tensor([-1.0 if rank else 1.0])]),
        "gathered": [values["rank"].tolist() for values in collectives.gather_to_first({"rank": torch.tensor([rank])})],
    }


def decisions() -> list[tuple[bool, bool]]:
    """What two processes decide, as all of them and as any of them would, from each pair of opinions."""
    torch.distributed.init_process_group("gloo")
    rank, strategy = torch.distributed.get_rank(), UnwrappedDDPStrategy()
    opinions = [pair[rank] for pair in product((False, True), repeat=2)]
    return [
        (strategy.reduce_boolean_decision(opinion), strategy.reduce_boolean_decision(opinion, all=False))
        for opinion in opinions
    ]


def met_at_a_barrier(folder: Path) -> list[str]:
    """The files of both processes that each finds behind a barrier, where torch's own, for devices, is none."""
    torch.distributed.init_process_group("gloo")
    (folder / os.environ["RANK"]).touch()
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(torch.distributed, "barrier", Mock(side_effect=RuntimeError("waits for the device")))
        UnwrappedDDPStrategy().barrier("here")
    return sorted(file.name for file in folder.iterdir())


def pools_in_a_checkpoint() -> list[int]:
    """The numbers of images in the pools of each process, as this one's checkpoint holds them."""
    model = tiny_cyclegan()
    trainer = train(model, data_for(model, 4), world_size=2, precision="32-true", max_steps=3)
    of_each = trainer._checkpoint_connector.dump_checkpoint()["per_rank_state"]
    return [len(pools["pool_a.images"]) + len(pools["pool_b.images"]) for pools in of_each]


def refusals() -> list[str]:
    """Messages of each process where the second refuses, where the first does for all, and where none does."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    told = []

    def refuse(here: bool = True) -> None:
        if here:
            raise UserError("there is nothing")

    for process in (1, 0):
        with pytest.raises(UserError) as caught, collectives.refusing_together():
            refuse(rank == process)
        told.append(str(caught.value))
    with pytest.raises(UserError) as caught:
        collectives.from_first(refuse)
    with collectives.refusing_together():
        together = str(collectives.from_first(lambda: rank))
    return [*told, str(caught.value), together]


def scorers_extractor(folder: Path) -> list[Any]:
    """Extractors of two machines: one that only the first has, and classifiers where each has trained its own."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    data = TinyImages()
    data.setup("fit")
    missing = UserError("the weights are missing") if rank else None
    options = dict.fromkeys(("every_n_images", "count_during", "real_during", "count"), 8)
    scores = Scores(extractor="auto", weights="raw", groups_during=[], groups=[], cache=str(folder), seed=0, **options)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(select_extractor, "suits_a_classifier", lambda real: False)
        monkeypatch.setattr(select_extractor, "Inception", Mock(side_effect=missing))
        found = scores._extractor(RealImages(data, folder))
        monkeypatch.setattr(dataset_classifier, "FEWEST_BATCHES", 1)
        monkeypatch.setattr(dataset_classifier, "SEED", rank)  # so that a second training would be another
        cache = folder / str(rank)
        trained = dataset_classifier.for_dataset("tiny", RealImages(data, cache), cache)
    return [found, trained.identity, weights(trained), [file.name for file in folder.glob("?/*")]]


def translated(folder: Path, world_size: int) -> tuple[dict[str, float], dict[str, Any]]:
    """Scores of pairs and of both directions, of 7 images: shares differ in length."""
    rank = 0
    if world_size > 1:
        torch.distributed.init_process_group("gloo")
        rank = torch.distributed.get_rank()
    model = translator("a2b", "b2a", a2b=dimmed)
    measure = subject(model, Data(paired=True), folder).against("test", groups=["fid", "kid"], count=7)
    record = measure.score(model, ema=True, rank=rank, world_size=world_size)
    return record.values, record.protocol.to_dict()


@pytest.mark.bits
@pytest.mark.parametrize("name", GAMES)
def test_two_processes_are_one_with_the_doubled_batch(name: str, in_two: InTwo) -> None:
    alone = play(name, world_size=1)
    first, second = in_two(play, name)
    assert alone["images_seen"] == first["images_seen"] >= STEPS * BATCH
    for key, value in alone["weights"].items():
        assert torch.equal(first["weights"][key], second["weights"][key]), key
        assert torch.allclose(first["weights"][key].double(), value.double(), rtol=0, atol=1e-12), key
    assert first["logged"] == pytest.approx(alone["logged"], rel=1e-5, abs=1e-6)  # of float32, as logged
    assert first["logged"] == second["logged"]
    untrained = weights(GAMES[name]())
    assert any(
        not torch.allclose(untrained[key].double(), alone["weights"][key].double(), atol=1e-3) for key in untrained
    )


@pytest.fixture
def oblong_fields(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).integers(0, 4096, (40, 48, 96, 5), dtype=np.uint16)
    np.savez(tmp_path / "fields.npz", images=values, labels=np.arange(40) % 2)
    return tmp_path


@pytest.mark.bits
@pytest.mark.slow
def test_two_processes_are_one_on_oblongs_of_five_channels(in_two: InTwo, oblong_fields: Path) -> None:
    alone = play_on_fields(oblong_fields, world_size=1)
    first, second = in_two(play_on_fields, oblong_fields)
    assert alone["images_seen"] == first["images_seen"] == 6 * BATCH
    for key, value in alone["weights"].items():
        assert torch.equal(first["weights"][key], second["weights"][key]), key
        assert torch.allclose(first["weights"][key], value, rtol=0, atol=1e-12), key
    untrained = weights(dcgan_of_fields())
    assert max(float((untrained[key] - value).abs().max()) for key, value in alone["weights"].items()) > 1e-4


def test_of_two_processes_one_decodes_and_both_map_what_comes_of_it(in_two: InTwo, oblong_fields: Path) -> None:
    first, second = in_two(decode_fields, oblong_fields)
    assert sorted(first["decoded"] + second["decoded"]) == [f"{index:02}" for index in range(40)]
    assert first["mapped"] == second["mapped"] == [True, True]
    assert first["images"].keys() == {"train", "test"}
    assert same(first["images"], second["images"])
    assert first["images"]["train"].int().unique().numel() > 1000


@pytest.mark.bits
@pytest.mark.slow
def test_two_processes_go_on_with_oblongs_of_five_channels(in_two: InTwo, oblong_fields: Path) -> None:
    for found in in_two(resume_on_fields, oblong_fields):
        assert same(found["whole"], found["resumed"])


def test_processes_see_other_images_and_other_noise(in_two: InTwo) -> None:
    first, second = in_two(own_noise_and_data)
    alone = {image.numpy().tobytes() for image in first["images"]}
    others = {image.numpy().tobytes() for image in second["images"]}
    assert len(alone) == len(others) == 32
    assert not alone & others  # together an epoch of the 64
    assert not torch.equal(first["drawn"], second["drawn"])


@pytest.mark.bits
def test_batch_norm_sees_its_own_batch_and_keeps_common_statistics(in_two: InTwo) -> None:
    first, second = in_two(batch_norm)
    assert any("running_mean" in name for name in first)
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.bits
@pytest.mark.parametrize("name", RESUMED)
def test_two_processes_go_on_with_the_same_bits(name: str, in_two: InTwo, tmp_path: Path) -> None:
    found = in_two(over_resume, name, tmp_path / "half.ckpt")
    assert all(same(each["resumed"], each["whole"]) for each in found)
    if name == "CycleGAN with pools":
        assert not torch.equal(*(each["whole"]["pool_a.images"] for each in found)), "each process has its own"


def test_drift_is_noticed_by_both(in_two: InTwo) -> None:
    first, second = in_two(drift)
    assert first == second
    assert first.startswith("batch 3: the processes' weights have drifted apart, first in generator.")


def test_processes_wait_for_no_device_between_logging_points(in_two: InTwo) -> None:
    for steps in in_two(reads):
        assert set(steps) - {0, 29} == {9, 10, 19, 20}


def test_both_stop_at_the_same_batch(in_two: InTwo) -> None:
    assert in_two(interruption) == [(143, 10 * 2 * 8)] * 2


@pytest.mark.parametrize("backend", ["gloo", "cpu:gloo,cuda:gloo"])  # one group, or one for each kind of device
def test_what_processes_do_together(backend: str, in_two: InTwo) -> None:
    expected = {
        "average": ([0.5, 0.5, 0.5], [[0.5, 4.0]]),
        "highest": 15,
        "broadcast": [0, 5],
        "differing": [1, 3],
    }
    first, second = in_two(primitives, backend)
    assert first == expected | {"gathered": [[0], [1]]}
    assert second == expected | {"gathered": []}, "the first process alone writes, and holds, what all have"


def test_processes_decide_alike(in_two: InTwo) -> None:
    both = [(False, False), (False, True), (False, True), (True, True)]
    assert in_two(decisions) == [both] * 2


def test_processes_wait_for_each_other_and_for_no_device(in_two: InTwo, tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir()
    assert in_two(met_at_a_barrier, folder) == [["0", "1"]] * 2


def test_a_checkpoint_gathers_the_pools_where_it_is_written(in_two: InTwo) -> None:
    assert in_two(pools_in_a_checkpoint) == [[12, 12], []]


@pytest.mark.parametrize(("device", "backend"), [("cpu", "gloo"), ("cuda:1", "cpu:gloo,cuda:nccl")])
def test_what_lies_on_the_processor_needs_no_device_to_be_sent(
    device: str, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(UnwrappedDDPStrategy, "root_device", torch.device(device))
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: True)
    assert UnwrappedDDPStrategy()._get_process_group_backend() == backend


def test_what_one_process_refuses_is_refused_by_all(in_two: InTwo) -> None:
    said = "there is nothing"
    here = [f"process {rank} on {socket.gethostname()}: {said}" for rank in (1, 0)]
    assert in_two(refusals) == [[*here, said, "0"]] * 2


@pytest.mark.bits
def test_all_processes_score_by_the_extractor_of_the_first(in_two: InTwo, tmp_path: Path) -> None:
    first, second = in_two(scorers_extractor, tmp_path)
    assert first[0] is second[0] is None  # which one machine alone had
    assert first[1] == second[1]
    assert same(first[2], second[2])
    assert first[3] == second[3]
    assert len(first[3]) == 1


@pytest.mark.bits
def test_two_processes_score_translations_as_one_does(in_two: InTwo, tmp_path: Path) -> None:
    values, protocol = translated(tmp_path, world_size=1)
    assert values.keys() > {"a2b/psnr", "b2a/ssim", "b2a/kid", "fid", "cycle_error"}
    assert in_two(translated, tmp_path, 2) == [(values, protocol)] * 2


def test_alone_there_is_nothing_to_do() -> None:
    values = torch.tensor([1.0])
    collectives.all_reduce_mean([values])
    collectives.broadcast([values])
    assert collectives.all_reduce_max(7) == 7
    assert collectives.mismatched([values]) == []
    assert collectives.gather_to_first({"a": values}) == [{"a": values}]
    assert values.item() == 1.0


def test_a_lone_trainer_ignores_a_batch_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "job", "SLURM_PROCID": "0"}.items():
        monkeypatch.setenv(name, value)
    trainer: lightning.Trainer = train(tiny_gan(), TinyImages(), precision="32-true", max_steps=1)
    assert trainer.world_size == 1
