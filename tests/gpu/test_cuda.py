"""Training on a CUDA device: the same numbers as elsewhere, no hidden waits, graphs that leave the same bits.

python -m pytest -m gpu
"""

import gc
from collections.abc import Iterator
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from gan_lab.data import base, feeding
from gan_lab.evaluation.sampling import prepare
from gan_lab.metrics.scores import Moments, frechet_distance
from gan_lab.models.player import PLAYERS
from gan_lab.runs.run import Run
from gan_lab.training.trainer import EpochLimit
from gan_lab.utils.batches import LabelledImages
from tests.conftest import QUICK, Command, fit, last_weights, same, tiny_cgan, tiny_gan
from tests.metrics.test_scores import exact_fid, normal

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device: these tests are about one"),
]
VARIANTS = (
    *("vanilla", "dcgan", "wgan", "wgan_gp", "cgan", "acgan", "infogan", "r3gan", "stylegan2"),
    *("cyclegan", "pix2pix", "cut"),
)
OF_VARIANTS = {  # so that every kind of step comes up often enough to be recorded
    "cyclegan": ("model.pool_size=32",),  # full after two batches: from then on every step is the same
    "stylegan2": ("model.penalty.r1.every=4", "model.path_length_every=2"),
}
RAMP = "{_target_: gan_lab.schedules.Ramp, start: 0.0, end: 0.5, images: 4000, shape: linear, hold: 0}"
OPTIONS_OF_STEPS = {
    "lazy penalties": ("r3gan", "model.penalty.r1.every=4"),
    "a lazy gradient penalty": ("wgan_gp", "model.penalty.gradient_penalty.every=2", "model.n_critic=2"),
    "DRAGAN": ("dcgan", "model/penalty=dragan", "model.network.discriminator.norm=layer"),
    "gamma by schedule": ("r3gan", f"+model.schedule.gamma={RAMP}"),
    "DiffAugment": ("dcgan", "model/augment=diffaugment"),
    "ADA": ("dcgan", "model/augment=ada"),
    "scheduled changes": ("r3gan", "model/augment=scheduled_r3gan", f"+model.schedule.augment={RAMP}"),
    "bCR": ("dcgan", "model/stabiliser=bcr"),
    "LeCam": ("dcgan", "model/stabiliser=lecam"),
    "top-k": ("dcgan", "model/stabiliser=top_k", "model.stabiliser.top_k.images_to_least=256"),
    "two steps of the generator": ("dcgan", "model.n_generator=2"),
    "batches of the generator's own": ("r3gan", "model.generator_batch=own"),
    "clipped gradients": ("dcgan", "model.clip_grad_norm.generator=0.1"),
    "projected labels": ("cgan", "model/conditioning=projection"),
    "spectral norm": ("dcgan", "model.network.discriminator.norm=spectral"),
    "filtered resampling": ("r3gan", *(f"model.network.{name}.resampling=filtered" for name in PLAYERS)),
}
CUDA = {"accelerator": "cuda", "devices": 1}


def options(variant: str, *more: str) -> list[str]:
    """A short run of a variant on the device, with the callbacks that write checkpoints only."""
    rest = [part for part in QUICK if not part.startswith(("trainer.accelerator", "data=", "model="))]
    return [
        f"model={variant}",
        *rest,
        *OF_VARIANTS.get(variant, ()),
        "trainer.accelerator=cuda",
        "trainer.max_steps=40",
        f"data.batch_size={64 if variant == 'cyclegan' else 128}",  # 128 images a batch
        *more,
    ]


@pytest.fixture(autouse=True)
def deterministic_cublas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


class NoWaits(Callback):
    """Turns every wait for the device between two logging points into an error."""

    def on_train_batch_start(self, trainer: lightning.Trainer, *_: Any) -> None:
        step = trainer.global_step + 1
        if step > 5 and step % trainer.log_every_n_steps:
            torch.cuda.set_sync_debug_mode("error")

    def on_train_batch_end(self, *_: Any) -> None:
        torch.cuda.set_sync_debug_mode("default")

    def on_exception(self, *_: Any) -> None:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("make", [tiny_gan, tiny_cgan])
def test_a_step_in_float32_is_that_of_float64_on_the_processor(make: Any) -> None:
    """Loss and gradients of both players, from the same weights, images and latents."""
    found = []
    for device, dtype in (("cpu", torch.float64), ("cuda", torch.float32)):
        torch.manual_seed(0)  # of the networks that are made before the model
        model = make().to(device, dtype)
        generator = torch.Generator().manual_seed(1)
        real = torch.randn(16, 1, 8, 8, generator=generator, dtype=torch.float64).to(device, dtype)
        latents = torch.randn(16, model.latent_dim, generator=generator, dtype=torch.float64).to(device, dtype)
        labels = torch.arange(16, device=device) % 10
        condition = (labels,) if make is tiny_cgan else ()
        fake = model.generator(latents, *condition)
        terms = model.discriminator_terms(real, fake.detach(), condition)
        terms = {f"d/{name}": term for name, term in terms.items()} | model.generator_terms(real, fake, condition)
        sum(terms.values()).backward()
        gradients = [parameter.grad.cpu().double() for parameter in model.parameters() if parameter.grad is not None]
        found.append([*(term.detach().cpu().double() for term in terms.values()), *gradients])
    for reference, value in zip(*found, strict=True):
        torch.testing.assert_close(value, reference, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("graphs", ["false", "auto"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_waits_for_the_device_between_logging_points(
    variant: str, graphs: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hook in ("on_train_batch_start", "on_train_batch_end"):  # of a callback that every run has
        monkeypatch.setattr(EpochLimit, hook, vars(NoWaits)[hook], raising=False)
    try:
        assert command(*options(variant, f"trainer.cuda_graphs={graphs}", "trainer.log_every_n_steps=20")) is None
    finally:
        torch.cuda.set_sync_debug_mode("default")


def same_by_graphs(command: Command, variant: str, *more: str) -> None:
    """Train with graphs and without, and compare all weights."""
    for graphs in ("false", "true"):
        given = options(variant, "trainer.deterministic=true", *more, f"trainer.cuda_graphs={graphs}")
        assert command(*given, f"hydra.run.dir=graphs_{graphs}") is None
    assert same(last_weights("graphs_true"), last_weights("graphs_false"))
    assert all(value.isfinite().all() for value in last_weights("graphs_true").values())


@pytest.mark.parametrize("more", [(), ("trainer.precision=bf16-mixed",), ("model/schedule=cosine", "model.n_critic=3")])
@pytest.mark.parametrize("variant", VARIANTS)
def test_graphs_leave_the_same_bits(variant: str, more: tuple[str, ...], command: Command) -> None:
    same_by_graphs(command, variant, *more)


@pytest.mark.parametrize("name", OPTIONS_OF_STEPS)
def test_graphs_leave_the_same_bits_with_every_option_of_a_step(name: str, command: Command) -> None:
    same_by_graphs(command, *OPTIONS_OF_STEPS[name])


@pytest.mark.parametrize("variant", VARIANTS)
def test_resume_is_exact_where_kernels_are_deterministic(variant: str, command: Command) -> None:
    given = options(variant, "trainer.deterministic=true", "model/schedule=constant")
    assert command(*given, "hydra.run.dir=whole") is None
    assert command(*given, "hydra.run.dir=parts", "trainer.max_steps=17") is None
    assert command("resume=parts", "trainer.max_steps=40") is None
    assert same(last_weights("parts"), last_weights("whole"))


def test_data_lie_on_the_device_and_memory_does_not_grow() -> None:
    taken: list[int] = []

    class Watch(Callback):
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, index: int) -> None:
            assert all(part.is_cuda for part in batch)
            if trainer.global_step % 100 == 0:
                taken.append(torch.cuda.memory_allocated())

    fit(tiny_gan(), max_steps=2000, callbacks=[Watch()], **CUDA)
    assert len(taken) == 20
    assert max(taken[1:]) == min(taken[1:])


@pytest.mark.parametrize("variant", ["dcgan", "cyclegan"])
@pytest.mark.parametrize("graphs", ["false", "auto"])
def test_images_that_do_not_fit_on_the_device_are_fed_without_waiting_and_change_no_bit(
    variant: str, graphs: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = options(variant, "trainer.deterministic=true", f"trainer.cuda_graphs={graphs}")
    assert command(*given, "hydra.run.dir=on_device") is None
    monkeypatch.setattr(base, "DEVICE_SHARE", 0.0)
    copied: list[int] = []
    start = feeding.Copies.start

    def without_waiting(self: feeding.Copies, batch: Any) -> Any:
        copied.append(1)
        torch.cuda.set_sync_debug_mode("error")
        try:
            return start(self, batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(feeding.Copies, "start", without_waiting)
    assert command(*given, "hydra.run.dir=fed") is None
    assert len(copied) >= 40
    assert same(last_weights("fed"), last_weights("on_device"))


def test_a_copy_is_whole_though_its_pinned_memory_is_used_again() -> None:
    device = torch.device("cuda", 0)
    there = []
    for batch in feeding.fed(
        (LabelledImages(torch.full((64, 3, 256, 256), float(index)), torch.tensor([index])) for index in range(20)),
        device,
    ):
        torch.cuda._sleep(10_000_000)  # so that copies wait in line
        there.append((batch.images.min(), batch.images.max(), batch.labels))
    found = [[int(value) for value in each] for each in there]
    assert found == [[index] * 3 for index in range(20)]


def test_an_overflow_under_the_scaler_skips_the_step_and_training_goes_on() -> None:
    from lightning.pytorch.plugins.precision import MixedPrecision

    model = tiny_gan()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    scaler = torch.amp.GradScaler("cuda", init_scale=2.0**40)
    fit(model, max_steps=1, plugins=[MixedPrecision("16-mixed", "cuda", scaler)], **CUDA)
    assert scaler.get_scale() < 2.0**40
    assert all(torch.equal(old, new.cpu()) for old, new in zip(before, model.parameters(), strict=True))
    fit(model, max_steps=60, plugins=[MixedPrecision("16-mixed", "cuda", scaler)], **CUDA)
    assert any(not torch.equal(old, new.cpu()) for old, new in zip(before, model.parameters(), strict=True))
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_a_seed_draws_the_same_images_as_on_the_processor(run: Run) -> None:
    options: dict[str, Any] = {"which": "last", "count": 40, "of_class": None, "seed": 3, "ema": True}
    on_gpu, on_cpu = (prepare(run, **options, device=name).whole() for name in ("auto", "cpu"))
    torch.testing.assert_close(on_gpu, on_cpu, atol=1e-2, rtol=0)  # TensorFloat32 has ten bits


@pytest.fixture
def little_memory() -> Iterator[int]:
    """A process that may take 1 GiB of the device beside what it holds; gives the bytes of both."""
    gc.collect()  # graphs of tests before
    torch.cuda.empty_cache()
    limit, whole = torch.cuda.memory_reserved() + (1 << 30), torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(limit / whole)
    yield limit
    torch.cuda.set_per_process_memory_fraction(1.0)
    torch.cuda.empty_cache()


def test_a_conditional_grid_that_does_not_fit_at_once_is_drawn_in_parts(little_memory: int) -> None:
    """480 images, of whose feature maps one needs 2.1 GB: 480 x 64 channels x 128 x 128 x 4 bytes."""

    class Wide(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.widest = 0
            self.maps = torch.nn.Conv2d(1, 64, 1)
            self.together = torch.nn.Conv2d(64, 1, 1)

        def forward(self, latents: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            self.widest = max(self.widest, len(latents))
            places = latents[:, :1, None, None].expand(-1, 1, 128, 128) + labels[:, None, None, None]
            return self.together(self.maps(places)).tanh()

    model = tiny_cgan().cuda()
    wide = model.generator = Wide().cuda()
    torch.cuda.reset_peak_memory_stats()
    drawn, columns = model.sample_grid(10, 48, seed=0, ema=False)
    assert (len(drawn), columns) == (480, 48)
    assert wide.widest == 480
    assert torch.cuda.max_memory_reserved() < little_memory + (1 << 20)
    wide.widest = 0
    again, _ = model.sample_grid(10, 48, seed=0, ema=False)
    assert wide.widest < 480, "what fitted is remembered"
    torch.testing.assert_close(again, drawn)


@pytest.mark.parametrize("count", [100, 3000])
def test_fid_on_the_device_is_that_of_the_processor(count: int) -> None:
    real, fake = normal(3000, 256), normal(count, 256, seed=1, scale=1.3, shift=2.0)
    assert frechet_distance(Moments.of(real.cuda()), fake.cuda()) == pytest.approx(exact_fid(real, fake), rel=1e-8)
