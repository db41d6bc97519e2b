import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from gan_lab.losses import Minimax, NonSaturating

REAL = torch.tensor([[2.0], [-1.0], [0.5]], dtype=torch.float64)
FAKE = torch.tensor([[-3.0], [0.25], [1.0]], dtype=torch.float64)


@pytest.mark.parametrize("cls", [Minimax, NonSaturating])
def test_the_undecided_discriminator_pays_two_log_two(cls: type[Minimax]) -> None:
    zeros = torch.zeros(4, 1)
    assert cls(label_smoothing=0.0).discriminator(zeros, zeros).item() == pytest.approx(2 * math.log(2))


def test_generator_losses_by_hand() -> None:
    # One logit log 3: D = 3/4. -log(3/4) for the non-saturating form, log(1 - 3/4) for the saturating one.
    fake = torch.tensor([[math.log(3)]])
    assert NonSaturating(label_smoothing=0.0).generator(fake).item() == pytest.approx(-math.log(3 / 4))
    assert Minimax(label_smoothing=0.0).generator(fake).item() == pytest.approx(math.log(1 / 4))


def test_discriminator_loss_by_hand() -> None:
    # D(x) = 3/4 and D(G(z)) = 1/4: -log(3/4) - log(3/4); smoothed by 0.2: -0.8 log(3/4) - 0.2 log(1/4) - log(3/4).
    real, fake = torch.tensor([math.log(3)]), torch.tensor([-math.log(3)])
    assert Minimax(label_smoothing=0.0).discriminator(real, fake).item() == pytest.approx(-2 * math.log(3 / 4))
    expected = -0.8 * math.log(3 / 4) - 0.2 * math.log(1 / 4) - math.log(3 / 4)
    assert Minimax(label_smoothing=0.2).discriminator(real, fake).item() == pytest.approx(expected)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_discriminator_equals_binary_cross_entropy_with_its_gradients(smoothing: float) -> None:
    ours = gradients(lambda real, fake: NonSaturating(label_smoothing=smoothing).discriminator(real, fake))
    reference = gradients(
        lambda real, fake: (
            binary_cross_entropy(real.sigmoid(), torch.full_like(real, 1 - smoothing))
            + binary_cross_entropy(fake.sigmoid(), torch.zeros_like(fake))
        )
    )
    assert_close(ours, reference)


def test_generators_equal_binary_cross_entropy_with_their_gradients() -> None:
    ones, zeros = torch.ones_like(FAKE), torch.zeros_like(FAKE)
    assert_close(
        gradients(lambda _, fake: NonSaturating(label_smoothing=0.1).generator(fake)),
        gradients(lambda _, fake: binary_cross_entropy(fake.sigmoid(), ones)),
    )
    assert_close(
        gradients(lambda _, fake: Minimax(label_smoothing=0.1).generator(fake)),
        gradients(lambda _, fake: -binary_cross_entropy(fake.sigmoid(), zeros)),
    )


@pytest.mark.parametrize("logit", [1e4, -1e4])
@pytest.mark.parametrize("cls", [Minimax, NonSaturating])
def test_stable_where_sigmoid_has_long_saturated(cls: type[Minimax], logit: float) -> None:
    scores = torch.full((2, 1), logit, requires_grad=True)
    objective = cls(label_smoothing=0.1)
    total = objective.discriminator(scores, scores) + objective.generator(scores)
    (gradient,) = torch.autograd.grad(total, scores)
    assert total.isfinite()
    assert gradient.isfinite().all()
    expected = {1e4: {Minimax: 0.1 * 1e4, NonSaturating: 1.1e4}, -1e4: {Minimax: 0.9 * 1e4, NonSaturating: 1.9e4}}
    assert total.item() == pytest.approx(expected[logit][cls])


def test_only_the_non_saturating_generator_learns_from_a_sure_discriminator() -> None:
    fake = torch.full((1, 1), -20.0, requires_grad=True)
    strong = torch.autograd.grad(NonSaturating(label_smoothing=0.0).generator(fake), fake)[0].item()
    weak = torch.autograd.grad(Minimax(label_smoothing=0.0).generator(fake), fake)[0].item()
    assert strong == pytest.approx(-1.0)
    assert abs(weak) < 1e-8


def gradients(loss: object) -> tuple[Tensor, ...]:
    real, fake = REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    value = loss(real, fake)
    return value.detach(), *torch.autograd.grad(value, (real, fake), allow_unused=True, materialize_grads=True)


def assert_close(left: tuple[Tensor, ...], right: tuple[Tensor, ...]) -> None:
    for ours, reference in zip(left, right, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-12, atol=1e-15)
