"""First runs on a CUDA device: every variant in every precision, compiled and not, from training to scores and images.

python -m pytest -m gpu tests/gpu/test_first_runs.py -k "not compiled"     # compiling takes most of the time
"""

from pathlib import Path

import pytest
import torch

from gan_lab import cli
from gan_lab.metrics import classifier
from gan_lab.utils.images import save_png
from tests.conftest import Command, last_weights
from tests.gpu.test_cuda import VARIANTS, options

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device: these tests are about one"),
]
TRANSLATORS = ("cyclegan", "pix2pix", "cut")
FEW_SCORES = ("scores.count=16", "scores.count_during=16", "scores.real_during=16", "samples.rows=2")
COMPILED = {"as written": "false", "compiled": "true"}


@pytest.fixture(autouse=True)
def untrained_classifiers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave classifiers of a dataset with their first weights: each run would train its own."""
    monkeypatch.setattr(classifier, "fit", lambda model, *_: model.eval())


def run_through(command: Command, variant: str, *more: str) -> None:
    """Train, resume, score, generate and evaluate; every weight is a number in the end."""
    scored = [part for part in options(variant, *more) if part != "callbacks.scores=null"]
    few = [f"callbacks.{choice}" for choice in FEW_SCORES]
    assert command(*scored, *few, "model/schedule=constant", "trainer.max_steps=6", "hydra.run.dir=run") is None
    assert command("resume=run", "trainer.max_steps=10") is None
    assert all(value.isfinite().all() for value in last_weights("run").values())
    if variant in TRANSLATORS:
        save_png(torch.zeros(1, 28, 28, dtype=torch.uint8), Path("digit.png"))
        cli.main(["translate", "run", "--input", "digit.png", "--out", "translated.png"])
    else:
        cli.main(["sample", "run", "--count", "20", "--out", "samples.png"])
    cli.main(["evaluate", "run", "--count", "16"])
    assert list(Path("run/evaluations").iterdir())


@pytest.mark.parametrize("compiled", COMPILED)
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_first_run(variant: str, precision: str, compiled: str, command: Command) -> None:
    run_through(command, variant, f"trainer.precision={precision}", f"trainer.compile={COMPILED[compiled]}")


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_first_run_in_parts(variant: str, precision: str, command: Command) -> None:
    run_through(command, variant, f"trainer.precision={precision}", "trainer.accumulate_grad_batches=2")
