import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from gan_lab.losses import (
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Objective,
    RelativisticPairing,
    Wasserstein,
)

Gradient = Callable[[Tensor, Tensor], Any]

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
    logits = torch.full((2, 1), logit, requires_grad=True)
    objective = cls(label_smoothing=0.1)
    total = objective.discriminator(logits, logits) + objective.generator(logits)
    (gradient,) = torch.autograd.grad(total, logits)
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


# One logit of a real and one of a generated image, 2 and -3, and what each objective makes of them, worked out by hand.
def softplus(value: float) -> float:
    return math.log(1 + math.exp(value))


@pytest.mark.parametrize(
    ("objective", "discriminator", "generator"),
    [
        (LeastSquares(), (1**2 + 3**2) / 2, 4**2 / 2),
        (Hinge(), 0.0 + 0.0, 3.0),  # both lie beyond the margin
        (Wasserstein(), -3.0 - 2.0, 3.0),
        (RelativisticPairing(), softplus(-5), softplus(5)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_losses_by_hand(objective: Objective, discriminator: float, generator: float) -> None:
    real, fake = torch.tensor([[2.0]], dtype=torch.float64), torch.tensor([[-3.0]], dtype=torch.float64)
    compared = (real,) if objective.relativistic else ()
    assert objective.discriminator(real, fake).item() == pytest.approx(discriminator, abs=1e-12)
    assert objective.generator(fake, *compared).item() == pytest.approx(generator, abs=1e-12)


def test_the_hinge_counts_what_is_within_the_margin() -> None:
    # Real 2 and -1: 0 and 2; generated -3 and 0.5: 0 and 1.5. Means 1 and 0.75.
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([-3.0, 0.5])
    assert Hinge().discriminator(real, fake).item() == pytest.approx(1.75)


@pytest.mark.parametrize(
    ("objective", "discriminator", "generator"),
    [
        # Derivatives at logits a of real and b of generated images: of the discriminator's loss, of the generator's.
        (LeastSquares(), lambda a, b: (a - 1, b), lambda a, b: b - 1),
        (Hinge(), lambda a, b: (-(a < 1).double(), (b > -1).double()), lambda a, b: -torch.ones_like(b)),
        (Wasserstein(), lambda a, b: (-torch.ones_like(a), torch.ones_like(b)), lambda a, b: -torch.ones_like(b)),
        (
            RelativisticPairing(),
            lambda a, b: (-(b - a).sigmoid(), (b - a).sigmoid()),
            lambda a, b: -(a - b).sigmoid(),
        ),
        (NonSaturating(label_smoothing=0.0), lambda a, b: (-(-a).sigmoid(), b.sigmoid()), lambda a, b: -(-b).sigmoid()),
        (Minimax(label_smoothing=0.0), lambda a, b: (-(-a).sigmoid(), b.sigmoid()), lambda a, b: -b.sigmoid()),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Objective) else "",
)
def test_gradients_by_hand(objective: Objective, discriminator: Gradient, generator: Gradient) -> None:
    compared = (REAL,) if objective.relativistic else ()
    _, at_real, at_fake = gradients(objective.discriminator)
    _, _, turn = gradients(lambda _, fake: objective.generator(fake, *compared))
    expected = tuple(part / len(REAL) for part in discriminator(REAL, FAKE))
    assert_close((at_real, at_fake), expected)
    assert_close((turn,), (generator(REAL, FAKE) / len(FAKE),))


@pytest.mark.parametrize("objective", [LeastSquares(), Hinge(), Wasserstein(), RelativisticPairing()])
def test_every_objective_stays_finite_far_out(objective: Objective) -> None:
    high, low = torch.full((2, 1), 1e4), torch.full((2, 1), -1e4)
    compared = (low,) if objective.relativistic else ()
    for real, fake in ((high, low), (low, high)):
        assert objective.discriminator(real, fake).isfinite()
        assert objective.generator(fake, *compared).isfinite()


def test_diagnostics_by_hand() -> None:
    real, fake = torch.tensor([2.0, 0.4, -1.0, 0.2]), torch.tensor([-3.0, 0.3, 1.0, 0.6])
    assert diagnostics(Hinge(), real, fake) == pytest.approx({"accuracy/real": 3 / 4, "accuracy/fake": 1 / 4})
    assert diagnostics(LeastSquares(), real, fake) == pytest.approx({"accuracy/real": 1 / 4, "accuracy/fake": 2 / 4})
    assert diagnostics(Wasserstein(), real, fake) == pytest.approx({"wasserstein_estimate": 0.4 - -0.275})
    assert diagnostics(RelativisticPairing(), real, fake) == pytest.approx({"accuracy/pairs": 2 / 4})


def diagnostics(objective: Objective, real: Tensor, fake: Tensor) -> dict[str, float]:
    return {name: value.item() for name, value in objective.diagnostics(real, fake).items()}
