"""`gan_lab.train`: what the command line trains, and objects in place of names."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from omegaconf import OmegaConf
from torch import Tensor, nn

import gan_lab
from gan_lab.api import training
from gan_lab.api.objects import Objects
from gan_lab.cli import main
from gan_lab.losses import Hinge, LeastSquares, NonSaturating
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.runs.run import Run as RunFolder
from gan_lab.utils.errors import UserError
from tests.api.test_untouched import state
from tests.conftest import OFFLINE, QUICK, REPOSITORY, Command, last_weights, plant_modules, same
from tests.wrong_inputs import given
from tests.wrong_inputs.program import matches
from tests.wrong_inputs.table import TABLE

SHORT = ("trainer.accelerator=cpu", "trainer.enable_progress_bar=false", "trainer.log_every_n_steps=2")
PLAIN = tuple(option for option in QUICK if not option.startswith("hydra"))
OWN = (*SHORT, "trainer.max_steps=4", "callbacks.scores=null", "data.batch_size=8", "model.latent_dim=4")
SIZE = 8


def weights_in(folder: str | Path) -> dict[str, Tensor]:
    return RunFolder(folder).load_checkpoint()["state_dict"]  # type: ignore[no-any-return]


def digits(count: int = 40) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 1, SIZE, SIZE), dtype=torch.uint8, generator=generator)
    return images, torch.arange(count) % 4


class Generator(nn.Module):
    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, SIZE * SIZE), nn.Tanh())

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents).view(-1, 1, SIZE, SIZE)  # type: ignore[no-any-return]


class Discriminator(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(SIZE * SIZE, 1)

    def forward(self, images: Tensor) -> Tensor:
        return self.layer(images.flatten(1))  # type: ignore[no-any-return]


class LabelledGenerator(Generator):
    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(latents + labels[:, None])


class LabelledDiscriminator(Discriminator):
    def forward(self, images: Tensor, labels: Tensor) -> Tensor:  # type: ignore[override]
        return super().forward(images) * (1 + labels[:, None])


class Seen(Callback):
    def __init__(self) -> None:
        self.batches = 0

    def on_train_batch_end(self, *_: Any) -> None:
        self.batches += 1


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_trains_what_the_command_trains_and_leaves_the_process_as_it_was(command: Command) -> None:
    for _ in range(2):  # the first call imports, and libraries do as they like then
        before = state()
        run = gan_lab.train(*PLAIN)
        assert state() == before
    first, second = sorted(Path("logs/runs").iterdir())
    assert run.folder.resolve() == second.resolve()
    assert command(*QUICK) is None
    assert same(last_weights(str(first)), last_weights("run"))
    assert same(last_weights(str(second)), last_weights("run"))
    mine, commands = RunFolder(run.folder), RunFolder("run")
    assert mine.record()["command"] == f"gan_lab.train {' '.join(PLAIN)}"
    assert mine.choices().keys() == commands.choices().keys()
    assert mine.overrides() == [*PLAIN]
    assert OmegaConf.load(mine.config_file).model == OmegaConf.load(commands.config_file).model
    assert "Training" in mine.log_file.read_text()
    assert run.status == "finished"


def test_what_the_process_was_before_makes_no_difference() -> None:
    first = gan_lab.train(*PLAIN, folder="first")
    before = torch.get_default_dtype(), torch.get_float32_matmul_precision()
    try:
        torch.set_default_dtype(torch.float64)
        torch.set_float32_matmul_precision("medium")
        with torch.no_grad():
            torch.manual_seed(99)
            second = gan_lab.train(*PLAIN, folder="second")
            assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(before[0])
        torch.set_float32_matmul_precision(before[1])
    assert same(last_weights(str(first.folder)), last_weights(str(second.folder)))


def test_a_run_goes_on_by_its_folder_or_itself() -> None:
    whole = gan_lab.train(*PLAIN, folder="whole")
    part = gan_lab.train(*PLAIN, "trainer.max_steps=2", folder="a part")
    half = gan_lab.train("trainer.max_steps=4", "resume_mode=continue", resume=part)
    assert half.folder == part.folder
    gan_lab.train("trainer.max_steps=6", "resume_mode=continue", resume="a part")
    assert same(last_weights("whole"), last_weights("a part"))
    assert whole.record["batches"] == part.record["batches"] == 6


# Rows of the command line's table that need no files, and are about options.
ROWS = [
    row
    for rows in TABLE.values()
    for row in rows
    if row.typed.startswith("python train.py ")
    and not any(mark in f"{row.typed} " for mark in (" -", "'", '"', "\\", "hydra", "resume", "sweep", "$", "devices"))
    and row.given is given.nothing
][::6]  # tests/wrong_inputs has all of them


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.typed)
def test_errors_are_those_of_the_command_line(row: Any) -> None:
    with pytest.raises(UserError) as refused:
        gan_lab.train(*row.typed.removeprefix("python train.py ").split())
    assert matches(f"Error: {refused.value}", row.said)
    assert not Path("logs").exists()


def test_there_are_such_errors() -> None:
    assert len(ROWS) > 8


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("--help",), {}, "--help: flags belong to the command line"),
        ((7,), {}, "7: an override is a text, such as 'model=cgan'"),
        (("seed=1,2",), {}, "seed=1,2: several values are a sweep"),
        ((), {"folder": "a", "resume": "b"}, "folder= and resume=: a resumed run stays in its folder"),
        ((), {"resume": "nowhere"}, "nowhere: no such run folder"),
        ((), {"folder": "/proc/nowhere"}, "^folder=/proc/nowhere: can't be made: "),
        ((), {"labels": [1]}, "labels=: belongs to data="),
        ((), {"data": "mnist"}, "a dataset is chosen by its name without data=, as 'data=mnist'"),
        (("data=mnist",), {"data": digits()[0]}, "data=mnist: data= is given as an object"),
        (
            ("model.network.generator.width=3",),
            {"networks": (Generator, Discriminator)},
            "networks= is given as an object",
        ),
        (("model/objective=hinge",), {"loss": Hinge}, "model/objective=hinge: loss= is given as an object"),
        ((), {"networks": Generator}, r"networks=: must be a pair, \(generator, discriminator\)"),
        ((), {"networks": (Generator, 3)}, "networks=: must be torch.nn.Modules, or classes or functions .* not int"),
        ((), {"networks": (Generator, Hinge)}, "networks=: must be torch.nn.Modules, .* not Hinge"),
        ((), {"networks": (lambda: 3, Discriminator)}, "networks=: must be torch.nn.Modules, .* not int"),
        ((), {"networks": (nn.Linear, Discriminator)}, "networks=: Linear can't be copied, or made without arguments"),
        ((), {"model": Generator}, "model=: must be a class of model, not Generator"),
        ((), {"model": "cgan"}, "model=: must be a class of model, not str"),
        ((), {"loss": nn.MSELoss()}, "loss=: must be an objective of gan_lab.losses, .* not MSELoss"),
        ((), {"callbacks": [print]}, "callbacks=: must be objects of Lightning's Callback, not builtin_function"),
        ((), {"callbacks": Seen}, "callbacks=: must be objects of Lightning's Callback, not Seen"),
        ((), {"callbacks": 3}, "callbacks=: must be objects of Lightning's Callback, not int"),
        ((), {"folder": 3}, "folder=3: must be a folder or the name of a run"),
        ((), {"resume": b"run"}, "resume=b'run': must be a folder or the name of a run"),
        ((), {"data": np.array([1, "a"], dtype=object)}, "data=: must be uint8 .* not object; bring all images to one"),
        (
            ("model=cgan",),
            {"data": digits()[0], "labels": digits()[1] + 1},
            "labels=: no image has the label 0, and labels go up to 4; number the classes .*, labels - 1$",
        ),
        (("trainer.devices=2",), {"callbacks": [Seen()]}, "trainer.devices=2: objects can't be handed over"),
        (("model=cgan",), {"networks": (Generator, Discriminator), "data": digits()[0]}, "two classes or more"),
        (("modl=cgan",), {"data": digits()[0]}, "modl: no such option. Did you mean model?"),
        (("model.n_critic=x",), {"data": digits()[0]}, "model.n_critic=x: must be a valid integer"),
        (
            ("model=vanilla",),
            {"networks": (Generator, Discriminator)},
            "model.network: the networks don't fit the images",
        ),
    ],
)
def test_a_mistake_is_one_line(arguments: tuple[str, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as refused:
        gan_lab.train(*arguments, *OFFLINE[1:], **options)
    assert "\n" not in str(refused.value)
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("options", "times"),
    [({}, 1), ({"loss": Hinge, "callbacks": Seen()}, 1), ({"networks": (Generator, Discriminator)}, 2)],
)
def test_a_configuration_is_composed_again_only_for_other_parts(
    options: dict[str, Any], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[list[str]] = []
    original = training.compose

    def counted(overrides: list[str]) -> Any:
        calls.append(overrides)
        return original(overrides)

    monkeypatch.setattr(training, "compose", counted)
    with training.composed(["model=vanilla"], Objects(**options)) as config:
        assert config.model._target_.endswith("VanillaGAN")
        assert "python" in str(OmegaConf.select(config, "callbacks.seen")) or "callbacks" not in options
    assert len(calls) == times


@pytest.mark.slow
def test_a_strangers_run_that_compiles_imports_nothing_from_the_current_folder(tmp_path: Path) -> None:
    own, strangers = tmp_path / "own", tmp_path / "strangers"
    own.mkdir()
    strangers.mkdir()
    chosen = [*PLAIN, "trainer.compile=true", "trainer.max_steps=2"]
    (own / "first.py").write_text(f"import gan_lab\ngan_lab.train(*{chosen!r}, folder={str(strangers / 'run')!r})")
    (own / "program.py").write_text(
        "import gan_lab\ngan_lab.train('trainer.max_steps=3', 'resume_mode=continue', resume='run')"
    )
    environment = os.environ | {
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONSAFEPATH": "",
        "TORCHINDUCTOR_CACHE_DIR": str(own / "cache"),
    }
    # Not in this process: what is compiled starts threads, and other tests fork.
    subprocess.run([sys.executable, str(own / "first.py")], cwd=own, env=environment, check=True)
    plant_modules(strangers)
    program = [sys.executable, str(own / "program.py")]
    done = subprocess.run(program, cwd=strangers, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert RunFolder(strangers / "run").record()["batches"] == 3
    assert not (strangers / "executed").exists()


def test_a_folder_that_can_not_be_written_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook in such a folder."""
    monkeypatch.chdir("/proc")
    with pytest.raises(UserError, match=r"^folder=logs/runs/.*: can't be made: No such file or directory$"):
        gan_lab.train(*PLAIN)


def test_images_of_a_program_set_size_channels_and_classes() -> None:
    images, labels = digits()
    run = gan_lab.train("model=cgan", "model/network=mlp", *OWN, data=images, labels=labels, folder="run")
    config, record = RunFolder("run").config(), run.record
    assert (config.data.image_size, config.data.channels, config.data.num_classes) == (SIZE, 1, 4)
    assert record["data"]["train_images"] == 36
    assert run.sample(6, label=3).shape == (6, 1, SIZE, SIZE)
    again = gan_lab.train("model=cgan", "model/network=mlp", *OWN, data=images / 255, labels=labels.tolist())
    assert same(weights_in("run"), weights_in(again.folder))


def test_images_of_a_program_may_be_oblong() -> None:
    images, _ = digits()
    run = gan_lab.train("model=vanilla", "model/network=mlp", *OWN, data=images[..., : SIZE - 2], folder="run")
    assert RunFolder("run").config().data.image_size == [SIZE, SIZE - 2]
    assert run.sample(3).shape == (3, 1, SIZE, SIZE - 2)


def test_such_a_run_goes_on_with_the_same_images_only() -> None:
    images, labels = digits()
    options: dict[str, Any] = {"data": images, "labels": labels}
    chosen = ("model=cgan", "model/network=mlp", *OWN)
    gan_lab.train(*chosen, **options, folder="whole")
    gan_lab.train(*chosen, "trainer.max_steps=2", **options, folder="part")
    later = ("trainer.max_steps=4", "resume_mode=continue")
    with pytest.raises(UserError, match="data=given: the images are in a Python program"):
        gan_lab.train(*later, resume="part")
    with pytest.raises(UserError, match="data=: the run was trained on other images or labels"):
        gan_lab.train(*later, resume="part", data=images, labels=labels.flip(0))
    gan_lab.train(*later, resume="part", **options)
    assert same(weights_in("whole"), weights_in("part"))


def networks_of(run: gan_lab.Run) -> list[str]:
    config = RunFolder(run.folder).config()
    return [config.model.network[name]._target_ for name in ("generator", "discriminator")]


def test_classes_make_networks_from_the_seed_and_are_known_by_their_names() -> None:
    images, _ = digits()
    pair = (Generator, Discriminator)
    first, second = (gan_lab.train("model=dcgan", *OWN, "model=vanilla", data=images, networks=pair) for _ in range(2))
    assert same(weights_in(first.folder), weights_in(second.folder))
    assert networks_of(first) == [f"tests.api.test_training.{kind.__name__}" for kind in pair]
    assert RunFolder(first.folder).config().model.optimizer.generator.lr == 2e-4, "no setting of another network"


def test_objects_stay_as_they_are_and_are_not_known_by_name() -> None:
    images, _ = digits()
    pair = Generator(width=5), nn.Sequential(nn.Flatten(), nn.Linear(SIZE * SIZE, 1))
    before = [{name: value.clone() for name, value in player.state_dict().items()} for player in pair]
    chosen = ("model=vanilla", *OWN, "model.ema_half_life=null")
    run = gan_lab.train(*chosen, data=images, networks=pair, folder="run")
    assert all(same(player.state_dict(), weights) for player, weights in zip(pair, before, strict=True))
    assert networks_of(run) == [
        "python:model.network.generator:tests.api.test_training.Generator",
        "python:model.network.discriminator:torch.nn.modules.container.Sequential",
    ]
    untrained = gan_lab.train(*chosen, "model.optimizer.generator.lr=1e-12", data=images, networks=pair).model()
    torch.testing.assert_close(dict(untrained.generator.state_dict()), before[0])
    assert not same(dict(run.model().generator.state_dict()), before[0])


def test_functions_make_networks_too() -> None:
    run = gan_lab.train(
        "model=vanilla", *OWN, data=digits()[0], networks=(lambda: Generator(width=7), lambda: Discriminator())
    )
    assert run.model().generator.layers[0].out_features == 7  # type: ignore[union-attr, index]


@pytest.mark.parametrize(
    ("networks", "conditioning", "latent_dim"),
    [
        ((LabelledGenerator, LabelledDiscriminator), "Native", 4),
        ((Generator, lambda: nn.Sequential(nn.Flatten(), nn.LazyLinear(1))), "LabelledGenerator", None),
    ],
)
def test_a_conditional_model_hands_labels_to_networks_that_take_them(
    networks: Any, conditioning: str, latent_dim: int | None
) -> None:
    images, labels = digits()
    chosen = ("model=cgan", *OWN)
    if latent_dim is None:  # the label is appended, and takes the place of the latent in this tiny generator
        networks = (Generator, nn.Sequential(nn.Flatten(), nn.Linear(2 * SIZE * SIZE, 1)))
        with pytest.raises(UserError, match="model.network: the networks don't fit"):
            gan_lab.train(*chosen, data=images, labels=labels, networks=networks)
        return
    run = gan_lab.train(*chosen, data=images, labels=labels, networks=networks)
    assert type(run.model().generator).__name__ == conditioning
    assert not torch.equal(run.sample(4, label=0), run.sample(4, label=3))


class HalfSquared(VanillaGAN):
    """A model of one's own: docs/your_own_gan.md's."""

    def generator_terms(self, real: Tensor, fake: Tensor, condition: Any) -> dict[str, Tensor]:
        return {"adversarial": self.logits(fake, condition).square().mean() / 2}


class Halved(NonSaturating):
    """A loss of one's own."""

    def generator(self, fake: Tensor, *real: Tensor) -> Tensor:
        return super().generator(fake, *real) / 2


def test_a_model_and_a_loss_of_ones_own_are_trained_with() -> None:
    images, _ = digits()
    chosen = ("model=vanilla", "model/network=mlp", *OWN)
    plain = gan_lab.train(*chosen, data=images)
    own = gan_lab.train(*chosen, data=images, model=HalfSquared)
    loss = gan_lab.train(*chosen, data=images, loss=LeastSquares())
    halved = gan_lab.train(*chosen, data=images, loss=Halved(label_smoothing=0.0))
    first = [run.metrics()["loss/generator"].iloc[0] for run in (plain, own, loss, halved)]
    assert len({round(value, 2) for value in first}) == 4
    assert isinstance(own.model(), HalfSquared)
    with pytest.raises(UserError, match="model.objective is an object of a Python program.*loss=..."):
        gan_lab.load(halved.folder).sample(1)
    assert gan_lab.load(halved.folder, loss=Halved(label_smoothing=0.0)).sample(1).shape[0] == 1


def test_callbacks_watch_as_they_are_and_are_asked_for_again() -> None:
    images, _ = digits()
    seen, more = Seen(), Seen()
    chosen = ("model=vanilla", "model/network=mlp", *OWN)
    run = gan_lab.train(*chosen, "trainer.max_steps=2", data=images, callbacks=[seen, more], folder="run")
    assert (seen.batches, more.batches) == (2, 2)
    callbacks = RunFolder("run").config().callbacks
    assert callbacks.seen_2._target_ == "python:callbacks.seen_2:tests.api.test_training.Seen"
    assert gan_lab.load("run").sample(2).shape[0] == 2, "nobody needs callbacks to sample"
    main(["sample", "run", "--count", "2", "--out", "two.pt"])
    later = ("trainer.max_steps=4", "resume_mode=continue")
    with pytest.raises(UserError, match="callbacks.seen is an object of a Python program"):
        gan_lab.train(*later, resume=run, data=images)
    gan_lab.train(*later, resume=run, data=images, callbacks=[seen, more])
    assert (seen.batches, more.batches) == (4, 4)
    with pytest.raises(UserError, match="callbacks.signal: the run began with none, not with an object"):
        gan_lab.train(*later, resume=run, data=images, callbacks=[seen, more, Signal(signal.SIGINT)])


class Signal(Callback):
    """Sends this process a signal, as a notebook's button does."""

    def __init__(self, number: signal.Signals) -> None:
        self.number = number

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: Any) -> None:
        if trainer.global_step == 3:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_training_with_a_saved_state_and_an_exception(number: signal.Signals) -> None:
    images, _ = digits()
    chosen = ("model=vanilla", "model/network=mlp", *OWN)
    gan_lab.train(*chosen, data=images, folder="whole")
    handler = signal.getsignal(number)
    with pytest.raises(
        gan_lab.Interrupted, match=rf"^stopped by {number.name} after 3 batches; gan_lab.train\(resume="
    ) as stop:
        gan_lab.train(*chosen, data=images, callbacks=[Signal(number)], folder="run")
    assert isinstance(stop.value, KeyboardInterrupt)
    assert signal.getsignal(number) == handler
    assert gan_lab.load("run").status == "interrupted"
    gan_lab.train(resume=stop.value.folder, data=images, callbacks=[Signal(number)])
    assert same(weights_in("whole"), weights_in("run"))


def test_a_defect_keeps_its_cause_and_its_traceback_is_in_the_folder() -> None:
    class Broken(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            raise RuntimeError("the cable fell out")

    chosen = ("model=vanilla", "model/network=mlp", *OWN)
    with pytest.raises(UserError, match="the cable fell out") as failure:
        gan_lab.train(*chosen, data=digits()[0], callbacks=[Broken()], folder="run")
    assert isinstance(failure.value.__cause__, RuntimeError)
    assert "the cable fell out" in Path("run/crash.txt").read_text()
    assert RunFolder("run").record()["status"] == "failed"


def test_the_command_line_says_where_a_runs_objects_are() -> None:
    images, labels = digits()
    gan_lab.train("model=vanilla", *OWN, data=images, networks=(Generator(), Discriminator()), folder="run")
    with pytest.raises(
        SystemExit, match=r"model.network.generator is an object .* networks=\(generator, discriminator\)"
    ):
        main(["sample", "run"])
    gan_lab.train("model=cgan", "model/network=mlp", *OWN, data=images, labels=labels, folder="images")
    main(["sample", "images", "--class", "1", "--out", "ones.png"])
    with pytest.raises(
        SystemExit, match=r"data=given: the images are in a Python program: .*gan_lab.load\(FOLDER, data="
    ):
        main(["evaluate", "images"])
    with pytest.raises(UserError, match="data=given: the images"):
        gan_lab.train("data=given", *OWN)


def test_the_package_is_imported_without_torch_and_lists_what_it_offers() -> None:
    program = (
        "import sys, gan_lab; offered = dir(gan_lab); torch = 'torch' in sys.modules; "
        "sys.exit(torch or not {'train', 'load', 'Run', 'UserError', 'Interrupted'} <= set(offered))"
    )
    subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=True)
    with pytest.raises(AttributeError, match="module 'gan_lab' has no attribute 'tain'"):
        gan_lab.tain  # noqa: B018


@pytest.mark.slow
def test_several_processes_train_by_overrides() -> None:
    run = gan_lab.train(*PLAIN, "trainer.devices=2", folder="run")
    assert run.record["processes"] == 2
    assert run.status == "finished"
