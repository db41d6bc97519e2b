"""Refusals of CUDA graphs; tests/gpu has what graphs do on a CUDA device."""

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gan_lab.models import cuda_graphs
from gan_lab.models.player import make_capturable
from gan_lab.utils.errors import UserError
from tests.conftest import fit, same, tiny_gan, weights


def test_without_a_cuda_device_graphs_are_refused_where_demanded_and_left_out_where_not() -> None:
    model = tiny_gan()
    model.wants_cuda_graphs = True
    with pytest.raises(UserError, match="they need a CUDA device; set trainer.cuda_graphs=auto"):
        fit(model, max_steps=1)
    automatic, plain = tiny_gan(), tiny_gan()
    automatic.wants_cuda_graphs = "auto"
    fit(automatic, max_steps=2)
    fit(plain, max_steps=2)
    assert automatic.graphs is None
    assert same(weights(automatic), weights(plain))


def test_an_optimizer_that_can_becomes_capturable_and_another_stays_as_it_is() -> None:
    parameter = torch.nn.Parameter(torch.zeros(2))
    for make, expected in ((partial(torch.optim.Adam, lr=0.1), True), (partial(torch.optim.SGD, lr=0.1), None)):
        optimizer = make([parameter])
        make_capturable(optimizer)
        assert optimizer.param_groups[0].get("capturable") is expected


@pytest.mark.parametrize("kind", ["Adam", "RMSprop", "SGD", "Adagrad", "Adafactor"])
def test_graphs_are_left_out_where_an_optimizer_can_not_be_recorded(kind: str) -> None:
    optimizer = getattr(torch.optim, kind)([torch.nn.Parameter(torch.zeros(2))], lr=0.1)
    player = SimpleNamespace(
        optimizer=SimpleNamespace(optimizer=optimizer, param_groups=optimizer.param_groups), steps_directly=True
    )
    on_cuda: Any = SimpleNamespace(
        device=torch.device("cuda"),
        generator=torch.nn.Identity(),
        parts=1,
        players=[player],
        schedule={},
        trainer=SimpleNamespace(callbacks=[], precision_plugin=None),
    )
    reason = cuda_graphs.why_not(on_cuda)
    assert reason is None if kind in ("Adam", "RMSprop") else f"{kind} counts its steps" in str(reason)


@pytest.fixture
def no_capture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps that are taken once while they would be recorded; a replay does nothing."""
    graph = SimpleNamespace(pool=lambda: None, replay=lambda: None)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", lambda: graph)
    monkeypatch.setattr(torch.cuda, "graph", lambda graph, pool: nullcontext())


@pytest.mark.usefixtures("no_capture")
@pytest.mark.parametrize("made", [{}, {"real": torch.ones(2)}])
def test_a_step_of_the_generator_alone_leaves_the_logits_of_the_batch_before(made: dict[str, torch.Tensor]) -> None:
    def take_turns(*arguments: object) -> None:
        if made:
            model.latest_logits = made

    model = SimpleNamespace(take_turns=take_turns, has_settled=True, latest_logits={"real": torch.zeros(2)})
    graphs = cuda_graphs.StepGraphs(model)  # type: ignore[arg-type]
    for _ in range(cuda_graphs.WARM_UP + 2):
        graphs.take(torch.zeros(2, 1), (), ())
        assert model.latest_logits["real"].tolist() == ([1.0, 1.0] if made else [0.0, 0.0])


@pytest.mark.usefixtures("no_capture")
def test_a_step_that_can_not_be_captured_is_one_line_with_the_way_out() -> None:
    def take_turns(*arguments: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nmore about it")

    model = SimpleNamespace(take_turns=take_turns, has_settled=True, latest_logits={})
    graphs = cuda_graphs.StepGraphs(model)  # type: ignore[arg-type]
    graphs.taken[()] = cuda_graphs.WARM_UP
    message = r"\(operation not permitted when stream is capturing\): set trainer.cuda_graphs=false$"
    with pytest.raises(UserError, match=message):
        graphs.take(torch.zeros(2, 1), (), ())
