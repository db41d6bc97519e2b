"""Augmentation on a CUDA device: no hidden waits, p = 0 to the bit, and whole steps in a graph.

python -m pytest -m gpu
"""

from collections.abc import Iterator

import pytest
import torch

from gan_lab.augment.controller import Adaptive
from gan_lab.augment.diffaugment import DiffAugment
from gan_lab.augment.pipeline import Pipeline

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device: these tests are about one"),
]


def adaptive() -> Adaptive:
    pipeline = Pipeline(
        blit=["flip", "quarter_turns", "translation"],
        geometry=["scale", "rotation", "stretch", "translation"],
        colour=["brightness", "contrast", "luma_flip", "hue", "saturation"],
        corruption=["filter", "noise", "cutout"],
    )
    return Adaptive(pipeline=pipeline, target=0.0, interval=2, images_to_full=64).cuda()


def diffaugment() -> DiffAugment:
    return DiffAugment(policy=["colour", "translation", "cutout"], fill=0.0)


def step(augment: Adaptive | DiffAugment, images: torch.Tensor) -> torch.Tensor:
    """Everything that a training step asks of an augmentation."""
    leaf = images.detach().requires_grad_()
    changed = augment(leaf)
    changed.square().mean().backward()
    augment.observe(changed.flatten(1).sum(1))
    augment.adjust(len(images))
    return changed.detach()


@pytest.fixture
def no_waits() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.usefixtures("no_waits")
@pytest.mark.parametrize("make", [adaptive, diffaugment])
def test_nothing_waits_for_the_device(make: type[Adaptive | DiffAugment]) -> None:
    augment, images = make(), torch.rand(16, 3, 32, 32, device="cuda")
    step(augment, images)  # makes the matrices of this size
    torch.cuda.set_sync_debug_mode("error")
    for _ in range(4):
        step(augment, images)


def test_a_probability_of_zero_gives_the_same_bits() -> None:
    augment, images = adaptive(), torch.randn(16, 3, 32, 32, device="cuda")
    assert torch.equal(augment(images), images)
    augment.p.fill_(0.8)
    assert not torch.equal(augment(images), images)


@pytest.mark.parametrize("make", [adaptive, diffaugment])
def test_a_graph_holds_a_whole_step(make: type[Adaptive | DiffAugment]) -> None:
    augment, images = make(), torch.rand(16, 3, 32, 32, device="cuda")
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            step(augment, images)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        changed = step(augment, images)
    graph.replay()
    first = changed.clone()
    graph.replay()
    assert changed.isfinite().all()
    assert not torch.equal(first, changed), "each replay draws anew"


def test_the_changes_can_be_repeated_where_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    augment, images = adaptive(), torch.rand(16, 3, 32, 32, device="cuda")
    augment.p.fill_(0.8)
    torch.use_deterministic_algorithms(True)
    try:
        gradients = []
        for _ in range(2):
            torch.manual_seed(0)
            leaf = images.clone().requires_grad_()
            augment(leaf).square().mean().backward()
            gradients.append(leaf.grad)
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(*gradients)
