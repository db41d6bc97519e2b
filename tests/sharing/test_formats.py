import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan_lab.sharing import formats
from gan_lab.sharing.formats import Exported, check, to_onnx, to_torch
from gan_lab.sharing.portable import Portable, portable
from gan_lab.utils.errors import UserError
from tests.conftest import REPOSITORY
from tests.sharing.conftest import DEEP, VARIANTS, MakeRun

CASES = [(variant, None) for variant in VARIANTS] + [("cyclegan", "b2a")]
needs_onnx = pytest.mark.usefixtures("onnx")


@pytest.fixture
def onnx() -> None:
    for package in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason="the extra export is not installed")


def inputs_of(generator: Portable, count: int) -> tuple[torch.Tensor, ...]:
    """Inputs that no file was made or checked with."""
    noise = torch.Generator().manual_seed(5)
    if generator.translates:
        side = 3 * max(generator.multiple, generator.least)
        shape = (count, generator.examples[0].shape[1], side, side)
        return (torch.randint(0, 256, shape, generator=noise, dtype=torch.uint8),)
    latents = torch.randn(count, generator.latent_dim, generator=noise)
    labels = torch.arange(count) % (generator.classes or 1)
    return (latents, labels)[: len(generator.inputs)]


@pytest.mark.slow
@needs_onnx
@pytest.mark.parametrize(("variant", "direction"), CASES)
def test_onnxruntime_draws_the_images_of_torch(variant: str, direction: str | None, make: MakeRun) -> None:
    import onnxruntime

    run = make(variant)
    generator = portable(run, run.load_model(), direction=direction)
    exported = to_onnx(generator)
    assert exported.any_size == generator.translates
    session: Any = onnxruntime.InferenceSession(exported.content)
    assert [(given.name, given.shape[0]) for given in session.get_inputs()] == [
        (name, "batch") for name in generator.inputs
    ]
    inputs = inputs_of(generator, 5)
    expected = generator.module(*inputs).numpy().astype(int)
    (made,) = session.run(None, {name: each.numpy() for name, each in zip(generator.inputs, inputs, strict=True)})
    assert expected.std() > 5
    differences = np.abs(made.astype(int) - expected)
    assert made.dtype == np.uint8
    # An error of 1e-4 in [-1, 1] moves one pixel in 78 over the edge of a grey value.
    assert differences.max() <= 1
    assert differences.mean() < 1 / 78
    assert str(REPOSITORY).encode() not in exported.content


@pytest.mark.slow
@needs_onnx
@pytest.mark.parametrize("kind", DEEP)
def test_values_of_other_depths_are_those_of_torch(kind: str, make_deep: MakeRun) -> None:
    import onnxruntime

    run = make_deep(kind)
    generator = portable(run, run.load_model())
    session: Any = onnxruntime.InferenceSession(to_onnx(generator).content)
    inputs = generator.examples if generator.translates else inputs_of(generator, 3)
    expected = generator.module(*inputs).numpy()
    (made,) = session.run(None, {name: each.numpy() for name, each in zip(generator.inputs, inputs, strict=True)})
    assert made.dtype == expected.dtype
    span = generator.depth.span
    assert expected.astype(float).std() > 0.02 * span
    apart = np.abs(made.astype(float) - expected.astype(float))
    assert apart.max() <= 1e-4 * span / 2 + generator.depth.is_whole
    program: Any = torch.export.load(io.BytesIO(to_torch(generator).content)).module()
    assert np.abs(program(*inputs).numpy().astype(float) - expected.astype(float)).max() <= 1e-4 * span / 2 + 1


def test_floating_points_must_be_near_and_numbers(make_deep: MakeRun) -> None:
    run = make_deep("float")
    generator = portable(run, run.load_model())
    check(generator, lambda latent: generator.module(latent) + 1e-4, "onnx", any_size=False)
    for wrong in (1e-3, float("nan")):
        with pytest.raises(UserError, match=r"draws other images than torch, by up to (0\.001\d*|nan) of 3, so"):
            check(generator, lambda latent, by=wrong: generator.module(latent) + by, "onnx", any_size=False)


def test_another_type_is_another_image(make: MakeRun) -> None:
    run = make("vanilla")
    generator = portable(run, run.load_model())
    with pytest.raises(UserError, match="other images than torch, by up to 255 of 255"):
        check(generator, lambda latent: generator.module(latent).int(), "torch", any_size=False)


ALONE = """
import sys
sys.modules["gan_lab"] = None  # an import of it or of its modules fails, however it is installed
import torch
generator = torch.export.load("generator.pt2").module()
torch.save(generator(*torch.load("inputs.pt")), "images.pt")
"""


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["infogan", "stylegan2", "biggan", "cyclegan", "pix2pix"])
def test_a_program_of_torch_runs_without_gan_lab(variant: str, make: MakeRun, tmp_path: Path) -> None:
    run = make(variant)
    generator = portable(run, run.load_model())
    exported = to_torch(generator)
    assert str(REPOSITORY).encode() not in exported.content
    (tmp_path / "generator.pt2").write_bytes(exported.content)
    inputs = inputs_of(generator, 3) if exported.any_size or not generator.translates else generator.examples
    torch.save(tuple(inputs), tmp_path / "inputs.pt")
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = torch.load(tmp_path / "images.pt")
    expected = generator.module(*inputs)
    assert (made.int() - expected.int()).abs().max() <= 1


def test_a_u_net_takes_its_own_size_and_says_so(make: MakeRun) -> None:
    """Its innermost map is a single pixel, which torch takes for fixed."""
    run = make("pix2pix")
    generator = portable(run, run.load_model())
    exported = to_torch(generator)
    assert not exported.any_size


def test_a_file_that_draws_other_images_is_not_kept(make: MakeRun) -> None:
    run = make("vanilla")
    generator = portable(run, run.load_model())

    def one_more(latent: torch.Tensor) -> torch.Tensor:
        return (generator.module(latent).int() + 1).clamp(max=255).byte()

    def other_shape(latent: torch.Tensor) -> torch.Tensor:
        return generator.module(latent)[:, :, 1:]

    check(generator, generator.module, "onnx", any_size=False)
    for wrong in (one_more, other_shape, lambda latent: 255 - generator.module(latent)):
        with pytest.raises(UserError, match="--format onnx: the file draws other images than torch, by up to"):
            check(generator, wrong, "onnx", any_size=False)


def test_a_network_that_nobody_can_export_is_one_line(make: MakeRun) -> None:
    run = make("vanilla")
    generator = portable(run, run.load_model())

    class Reads(torch.nn.Module):
        def forward(self, latents: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(latents), 1, 8, 8) if latents.sum().item() > 0 else torch.ones(2, 1, 8, 8)

    generator.module.network = Reads()
    with pytest.raises(UserError, match=r"this network can't be exported \(.*safetensors takes every"):
        to_torch(generator)


@needs_onnx
def test_a_missing_package_names_the_extra(make: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    from gan_lab.utils import extras

    run = make("vanilla")
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"--format onnx: needs a package .*gan-lab-lightning\[export\]"):
        to_onnx(portable(run, run.load_model()))


@needs_onnx
def test_more_than_a_file_of_onnx_holds_is_refused(make: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make("vanilla")
    monkeypatch.setattr(formats, "LARGEST_ONNX", 10)
    with pytest.raises(UserError, match="more than 2 GB"):
        to_onnx(portable(run, run.load_model()))


def test_the_content_is_told_with_its_sizes() -> None:
    assert Exported(b"x", True).any_size
