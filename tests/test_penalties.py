"""Penalties against what a linear critic must pay, finite differences, and themselves in half precision."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from gan_lab.networks import resnet
from gan_lab.penalties import DRAGAN, R1, R2, GradientPenalty, Penalty, input_gradients

SHAPE = (6, 1, 3, 3)
PENALTIES: list[Penalty] = [GradientPenalty(weight=10.0), DRAGAN(weight=10.0, noise=0.3), R1(gamma=2.0), R2(gamma=2.0)]


def pay(penalty: Penalty, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    _, gradients = input_gradients(critic, penalty.sample_points(real, fake))
    return penalty.penalty(gradients)


def images(seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(SHAPE, generator=generator, dtype=dtype), torch.randn(SHAPE, generator=generator, dtype=dtype)


def smooth_critic() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(9, 5), nn.Tanh(), nn.Linear(5, 1)).double()


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        (GradientPenalty(weight=10.0), lambda norm: 10 * (norm - 1) ** 2),
        (DRAGAN(weight=10.0, noise=0.3), lambda norm: 10 * (norm - 1) ** 2),
        (R1(gamma=3.0), lambda norm: 1.5 * norm**2),
        (R2(gamma=3.0), lambda norm: 1.5 * norm**2),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_linear_critic_pays_by_its_norm(penalty: Penalty, expected: Callable[[float], float]) -> None:
    weight = torch.arange(1.0, 10.0, dtype=torch.float64)
    paid = pay(penalty, lambda points: points.flatten(1) @ weight, *images())
    assert paid.item() == pytest.approx(expected(weight.norm().item()), rel=1e-12)


def test_the_norm_is_over_all_dimensions_of_an_image_and_of_each_image_by_itself() -> None:
    # Image i has gradient i everywhere: norm 3 i over its nine pixels.
    real, fake = images()
    scale = torch.arange(6, dtype=torch.float64)
    paid = pay(GradientPenalty(weight=1.0), lambda points: points.flatten(1).sum(1) * scale, real, fake)
    assert paid.item() == pytest.approx(sum((3 * i - 1) ** 2 for i in range(6)) / 6)


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: type(penalty).__name__)
def test_a_flat_critic_has_finite_gradients(penalty: Penalty) -> None:
    weight = torch.zeros(9, requires_grad=True)
    real, fake = images(dtype=torch.float32)
    paid = pay(penalty, lambda points: points.flatten(1) @ weight, real, fake)
    (gradient,) = torch.autograd.grad(paid, weight)
    assert gradient.isfinite().all()


def test_every_pair_has_a_place_of_its_own_on_its_line() -> None:
    torch.manual_seed(0)
    real, fake = torch.ones(1000, 1, 2, 2), torch.zeros(1000, 1, 2, 2)
    share = GradientPenalty(weight=1.0).sample_points(real, fake)
    assert (share.flatten(1) == share.flatten(1)[:, :1]).all(), "one share for all pixels of a pair"
    shares = share[:, 0, 0, 0]
    assert len(shares.unique()) > 990, "one share for each pair, not one for the batch"
    assert 0 <= shares.min() < 0.01
    assert 0.99 < shares.max() <= 1
    assert shares.mean().item() == pytest.approx(0.5, abs=0.03)


def test_dragan_takes_gradients_around_real_images_only() -> None:
    torch.manual_seed(0)
    real, fake = torch.full((500, 1, 3, 3), 0.5), torch.full((500, 1, 3, 3), 9.0)
    away = DRAGAN(weight=1.0, noise=0.2).sample_points(real, fake) - real
    assert away.std().item() == pytest.approx(0.2, rel=0.05)
    assert away.mean().abs() < 0.02


def test_zero_centred_penalties_take_gradients_at_their_own_kind() -> None:
    real, fake = images()
    assert R1(gamma=1.0).sample_points(real, fake) is real
    assert R2(gamma=1.0).sample_points(real, fake) is fake


@pytest.mark.parametrize("penalty", [R1(gamma=2.0), R2(gamma=2.0), GradientPenalty(weight=3.0)])
def test_gradients_with_respect_to_the_critic_equal_finite_differences(penalty: Penalty) -> None:
    critic, (real, fake) = smooth_critic(), images()

    def of_parameters(*values: Tensor) -> Tensor:
        torch.manual_seed(1)  # the same places on the lines each time
        names = [name for name, _ in critic.named_parameters()]
        with torch.nn.utils.stateless._reparametrize_module(critic, dict(zip(names, values, strict=True))):
            return pay(penalty, critic, real, fake)

    values = tuple(parameter.detach().clone().requires_grad_() for parameter in critic.parameters())
    assert torch.autograd.gradcheck(of_parameters, values)


@pytest.mark.bits
def test_the_logits_beside_the_gradients_are_the_critics() -> None:
    critic, (real, _) = smooth_critic(), images()
    logits, gradients = input_gradients(critic, real)
    torch.testing.assert_close(logits, critic(real), rtol=0, atol=0)
    assert gradients.shape == real.shape
    (flat,) = torch.autograd.grad(logits.sum(), critic[1].weight, retain_graph=True)
    assert flat.abs().sum() > 0, "they can be learned from"


@pytest.mark.bits
@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: type(penalty).__name__)
def test_autocast_changes_nothing(penalty: Penalty) -> None:
    critic, (real, fake) = smooth_critic().float(), images(dtype=torch.float32)
    torch.manual_seed(2)
    plain = pay(penalty, critic, real, fake)
    torch.manual_seed(2)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = pay(penalty, critic, real, fake)
    assert mixed.dtype == torch.float32
    assert torch.equal(plain, mixed)


def convolutional_critic() -> nn.Module:
    torch.manual_seed(0)
    critic = resnet.Discriminator(width=8, max_width=16, blocks=1, group_size=4, norm="none", image_size=16, channels=1)
    for layer in critic.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            layer.reset_parameters()  # a fresh block's last layer is zero
    return critic


@pytest.mark.parametrize("penalty", PENALTIES, ids=lambda penalty: type(penalty).__name__)
def test_in_bfloat16_the_critic_is_led_in_the_direction_of_float32(penalty: Penalty) -> None:
    """bfloat16 keeps 8 bits: here the cosine is above 0.9999. GP and DRAGAN are far from their minimum."""
    critic = convolutional_critic()
    real, fake = torch.randn(2, 8, 1, 16, 16).tanh()
    led: list[Tensor] = []
    for precision in ("32-true", "bf16-mixed"):
        torch.manual_seed(2)
        logits, gradients = input_gradients(critic, penalty.sample_points(real, fake), precision)  # type: ignore[arg-type]
        assert gradients.dtype == torch.float32
        assert logits.dtype == (torch.bfloat16 if precision == "bf16-mixed" else torch.float32)
        found = torch.autograd.grad(penalty.penalty(gradients), [*critic.parameters()])
        led.append(torch.cat([each.flatten() for each in found]))
    assert nn.functional.cosine_similarity(*led, dim=0) > 0.999
    assert 0 < (led[0] - led[1]).norm() / led[0].norm() < 0.03


@pytest.mark.parametrize("around", [None, torch.bfloat16, torch.float16])
def test_the_critic_computes_as_it_is_told_whatever_is_around(around: torch.dtype | None) -> None:
    weight, seen = torch.randn(9, 2, requires_grad=True), []

    def critic(points: Tensor) -> Tensor:
        product = points.flatten(1) @ weight
        seen.append(product.dtype)
        return product.float().square().sum(1)

    with torch.autocast("cpu", around, enabled=around is not None):
        within = (images(dtype=torch.float32)[0].flatten(1) @ weight).dtype  # leaves the weight in autocast's cache
        for precision in ("32-true", "bf16-mixed", "32-true"):
            _, gradients = input_gradients(critic, images(dtype=torch.float32)[0], precision)  # type: ignore[arg-type]
            assert torch.autograd.grad(gradients.sum(), weight)[0].dtype == torch.float32
        assert (images(dtype=torch.float32)[0].flatten(1) @ weight).dtype == within == (around or torch.float32)
    assert seen == [torch.float32, torch.bfloat16, torch.float32]


def test_gradients_at_half_precision_images_are_in_float32() -> None:
    logits, gradients = input_gradients(smooth_critic().float(), images(dtype=torch.float32)[0].bfloat16())
    assert logits.dtype == gradients.dtype == torch.float32


def test_no_gradient_reaches_the_generator() -> None:
    latent = torch.randn(SHAPE, dtype=torch.float64, requires_grad=True)
    paid = pay(R2(gamma=1.0), smooth_critic(), images()[0], latent * 2)
    assert torch.autograd.grad(paid, latent, allow_unused=True) == (None,)


def test_an_image_of_many_patches_counts_as_their_mean() -> None:
    weight = torch.arange(1.0, 10.0, dtype=torch.float64)
    real, fake = images()

    def patches(points: Tensor) -> Tensor:
        return (points.flatten(1) @ weight).view(-1, 1, 1, 1).expand(-1, 1, 5, 5)

    paid = pay(R1(gamma=2.0), patches, real, fake)
    assert paid.item() == pytest.approx(weight.square().sum().item(), rel=1e-12)
