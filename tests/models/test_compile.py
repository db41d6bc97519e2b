"""Compiled networks: what is compiled, what is left as written, and that nobody can tell from the outside.

Most tests stop short of making machine code: torch's tracing, its gradients and what they can't do come before that.
"""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch._dynamo.utils import counters

from gan_lab.models.compile import compile_in_place, eager, is_compiled
from gan_lab.models.latent import LatentGAN
from gan_lab.penalties import GradientPenalty
from gan_lab.training.trainer import CompiledNetworks
from gan_lab.utils import hardware
from tests.config.test_conf import MODELS
from tests.conftest import LATENT_DIM, SIZE, fit, same, tiny_gan, tiny_network, weights
from tests.training import test_precision

in_place = nn.Module.compile


@pytest.fixture(autouse=True, scope="module")
def own_code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make machine code anew: what an earlier run has left may be for other instructions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path_factory.mktemp("code")))
        yield


@pytest.fixture
def traced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything but the machine code; counts begin at zero."""
    monkeypatch.setattr(hardware, "check_compiler", lambda device: None)  # a graph to see
    monkeypatch.setattr(nn.Module, "compile", lambda self, **options: in_place(self, backend="aot_eager", **options))
    counters.clear()


def graphs() -> int:
    """How many there are so far; none was cut in two, and torch has not given up on any."""
    assert not counters["graph_break"]
    assert counters["frames"]["total"] == counters["frames"]["ok"]
    return int(counters["stats"]["unique_graphs"])


GRAPHS = {"cyclegan": 4, "wgan": 4, "wgan_gp": 4}  # others: 3


QUICK = {"vanilla", "wgan_gp"}


@pytest.mark.parametrize(
    "variant", [pytest.param(variant, marks=[] if variant in QUICK else pytest.mark.slow) for variant in MODELS]
)
@pytest.mark.usefixtures("traced")
def test_every_variant_compiles_once_and_goes_the_way_it_would_have_gone(variant: str) -> None:
    """A graph for the generator with and one without a way back, and the same of the discriminator."""
    written, compiled = test_precision.tiny(variant), test_precision.tiny(variant)
    compiled.compile_networks()
    names = list(compiled.state_dict())
    expected = test_precision.ways(written, "32-true")
    found = test_precision.ways(compiled, "32-true")
    for name, way in expected.items():
        torch.testing.assert_close(found[name], way, rtol=1e-4, atol=1e-7)
    assert graphs() == GRAPHS.get(variant, 3)
    assert list(compiled.state_dict()) == names == list(written.state_dict())


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
@pytest.mark.usefixtures("traced")
def test_mixed_precision_compiles_alike(precision: str) -> None:
    written, compiled = test_precision.tiny("wgan_gp"), test_precision.tiny("wgan_gp")
    compiled.compile_networks()
    expected, found = (test_precision.ways(model, precision) for model in (written, compiled))
    for name, way in expected.items():
        assert ((found[name] - way).norm() / way.norm()).item() < 0.02
    assert graphs() == 4


@pytest.mark.bits
@pytest.mark.usefixtures("traced")
def test_a_penalty_through_compiled_code_is_what_eager_is_for() -> None:
    """If this ever works, penalties can be compiled as well."""
    critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    points = torch.randn(5, 3, requires_grad=True)

    def penalty() -> Tensor:
        (gradients,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        return gradients.square().sum()

    expected = torch.autograd.grad(penalty(), critic[0].weight)[0]
    compile_in_place(critic)
    with pytest.raises(RuntimeError, match="double backward"):
        torch.autograd.grad(penalty(), critic[0].weight)
    with eager(critic):
        found = torch.autograd.grad(penalty(), critic[0].weight)[0]
    assert torch.equal(found, expected)


@pytest.mark.usefixtures("traced")
def test_whoever_watches_leaves_no_code_behind() -> None:
    model = tiny_gan(ema_half_life=8)

    class Watch(Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            for count in (1, 2, 3):  # each size, evaluation mode and no gradients: all unlike training
                for ema in (False, True):
                    model.sample(torch.randn(count, LATENT_DIM), ema=ema)
                model.eval_logits(torch.randn(count, 1, SIZE, SIZE), ())

    fit(model, max_steps=3, callbacks=[CompiledNetworks(), Watch()])
    assert graphs() == 3
    assert is_compiled(model.generator)
    assert model.generator_ema is not None
    assert not is_compiled(model.generator_ema)
    assert not is_compiled(model.generator_ema.network)


@pytest.mark.usefixtures("traced")
def test_compiling_is_seen_neither_in_copies_nor_in_checkpoints(tmp_path: Path) -> None:
    compiled = tiny_gan(ema_half_life=8)
    trainer = fit(compiled, max_steps=3, callbacks=[CompiledNetworks()])
    trainer.save_checkpoint(tmp_path / "compiled.ckpt")
    assert not is_compiled(copy.deepcopy(compiled.generator))
    written, goes_on = tiny_gan(ema_half_life=8, init_seed=1), tiny_gan(ema_half_life=8, init_seed=2)
    fit(written, max_steps=6, ckpt_path=tmp_path / "compiled.ckpt").save_checkpoint(tmp_path / "written.ckpt")
    fit(goes_on, max_steps=9, ckpt_path=tmp_path / "written.ckpt", callbacks=[CompiledNetworks()])
    whole = tiny_gan(ema_half_life=8)
    fit(whole, max_steps=9)
    for name, value in weights(whole).items():
        torch.testing.assert_close(weights(goes_on)[name], value, rtol=1e-5, atol=1e-6)


@pytest.mark.usefixtures("traced")
def test_a_fit_that_goes_on_compiles_nothing_again_and_later_runs_have_room() -> None:
    """Torch gives a piece of code eight graphs; a rollback keeps its own, and the next job of a sweep starts afresh."""
    model = tiny_gan()
    for steps in (2, 4):
        fit(model, max_steps=steps, callbacks=[CompiledNetworks()])
    assert graphs() == 3
    for _ in range(2):
        fit(tiny_gan(), max_steps=1, callbacks=[CompiledNetworks()])
    assert graphs() == 3 + 2 * 3


@pytest.mark.slow
def test_machine_code_resumes_with_the_bits_of_an_uninterrupted_run(tmp_path: Path) -> None:
    """Dropout included: compiled code draws from the generator that each step seeds."""

    def run(steps: int, checkpoint: Path | None = None, compiled: bool = True) -> tuple[lightning.Trainer, LatentGAN]:
        torch.manual_seed(3)
        forgetful = nn.Sequential(nn.Flatten(), nn.Linear(SIZE**2, 8), nn.Tanh(), nn.Dropout(0.5), nn.Linear(8, 1))
        network = tiny_network() | {"discriminator": forgetful}
        model = tiny_gan(network=network, penalty={"gp": GradientPenalty(weight=1.0)}, n_critic=2, ema_half_life=8)
        callbacks = [CompiledNetworks()] if compiled else []
        return fit(model, max_steps=steps, ckpt_path=checkpoint, callbacks=callbacks), model

    _, whole = run(7)
    trainer, _ = run(3)
    trainer.save_checkpoint(tmp_path / "stop.ckpt")
    _, resumed = run(7, tmp_path / "stop.ckpt")
    assert same(weights(resumed), weights(whole))
    assert not same(weights(run(7, compiled=False)[1]), weights(whole)), "the code was really another"


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["vanilla", "wgan_gp"])
def test_machine_code_goes_the_way_it_would_have_gone(variant: str) -> None:
    written, compiled = test_precision.tiny(variant), test_precision.tiny(variant)
    compiled.compile_networks()
    expected, found = (test_precision.ways(model, "32-true") for model in (written, compiled))
    for name, way in expected.items():
        assert ((found[name] - way).norm() / way.norm()).item() < 1e-3
