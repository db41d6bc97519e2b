"""Stabilisers against terms worked by hand, finite differences, and what a resumed run must go on with."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lab.augment import Augment
from gan_lab.augment.controller import Scheduled
from gan_lab.augment.diffaugment import DiffAugment
from gan_lab.augment.pipeline import Pipeline
from gan_lab.losses import NonSaturating, RelativisticPairing
from gan_lab.models.r3gan import R3GAN
from gan_lab.penalties import R1, R2
from gan_lab.stabilisers import BalancedConsistency, LeCam, Stabiliser, TopK
from tests.conftest import fit, same, tiny_gan, weights
from tests.distributed.games import Mirror


class Doubled(Augment):
    """Twice the image."""

    def forward(self, images: Tensor) -> Tensor:
        return 2 * images


def images(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(-1, 1, 1, 1)


def linear(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Logits 3 x + 1."""
    return 3 * real.flatten() + 1, 3 * fake.flatten() + 1


def test_consistency_is_the_mean_square_of_what_the_change_does_to_logits() -> None:
    term = BalancedConsistency(real_weight=10.0, fake_weight=7.0, augment=Doubled())
    real, fake = images(1.0, 2.0), images(3.0, -1.0)
    paid = term.discriminator_term(real, fake, *linear(real, fake), linear)
    # A logit of x moves by 3 x: squares 9 and 36, and 81 and 9.
    assert paid.item() == pytest.approx(10 * 22.5 + 7 * 45)


def test_consistency_learns_through_both_logits_as_finite_differences_say() -> None:
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Flatten(), nn.Linear(9, 4), nn.Tanh(), nn.Linear(4, 1)).double()
    real, fake = torch.randn(2, 5, 1, 3, 3, dtype=torch.float64)
    term = BalancedConsistency(real_weight=1.0, fake_weight=2.0, augment=Mirror())
    names = [name for name, _ in critic.named_parameters()]

    def paid(*values: Tensor) -> Tensor:
        def logits(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
            state = dict(zip(names, values, strict=True))
            return tuple(torch.func.functional_call(critic, state, (each,)) for each in (real, fake))  # type: ignore[return-value]

        return term.discriminator_term(real, fake, *logits(real, fake), logits)

    assert torch.autograd.gradcheck(paid, tuple(p.detach().clone().requires_grad_() for p in critic.parameters()))


def test_consistency_under_an_augmentation_that_nobody_strengthens_is_refused() -> None:
    pipeline = Pipeline(blit=[], geometry=[], colour=["brightness"], corruption=[])
    with pytest.raises(ValueError, match=r"choose gan_lab\.augment\.diffaugment\.DiffAugment"):
        BalancedConsistency(real_weight=1.0, fake_weight=1.0, augment=Scheduled(pipeline=pipeline))


def lecam_paid(term: LeCam, real: Tensor, fake: Tensor) -> float:
    paid = term.discriminator_term(images(0.0), images(0.0), real, fake, linear)
    term.observe(real, fake)
    return float(paid)


def test_lecam_keeps_logits_near_the_other_kinds_moving_average() -> None:
    term = LeCam(weight=0.5, decay=0.75).double()
    first = torch.tensor([1.0, 3.0]).double(), torch.tensor([-2.0, 0.0]).double()
    assert lecam_paid(term, *first) == 0, "there are no averages yet"
    assert (term.running_real.item(), term.running_fake.item()) == (2.0, -1.0)
    second = torch.tensor([4.0, 0.0]).double(), torch.tensor([1.0, 1.0]).double()
    # (4 + 1)^2 and (0 + 1)^2 about the generated ones' -1, twice (1 - 2)^2 about the real ones' 2.
    assert lecam_paid(term, *second) == pytest.approx(0.5 * ((25 + 1) / 2 + 1))
    assert term.running_real.item() == pytest.approx(0.75 * 2 + 0.25 * 2)
    assert term.running_fake.item() == pytest.approx(0.75 * -1 + 0.25 * 1)
    assert term.diagnostics(0)["lecam/fake"] == term.running_fake


def test_top_k_falls_geometrically_to_its_least_share_and_stays_there() -> None:
    top = TopK(least_share=0.25, images_to_least=100)
    shares = {0: 1.0, 50: 0.5, 100: 0.25, 1000: 0.25}
    for seen, share in shares.items():
        assert top.share(seen) == pytest.approx(share)
        assert top.diagnostics(seen)["top_k/share"] == top.share(seen)
    assert [top.has_settled(seen) for seen in (0, 99, 100)] == [False, False, True]


def test_top_k_chooses_the_highest_logits_each_the_mean_of_an_images_patches() -> None:
    top = TopK(least_share=0.5, images_to_least=100)
    patches = torch.tensor([[9.0, -9.0], [1.0, 1.0], [-5.0, 6.0], [3.0, 2.0]])  # means 0, 1, 0.5 and 2.5
    assert top.chosen(patches, 0) is None
    places = top.chosen(patches, 100)
    assert places is not None
    assert sorted(places.tolist()) == [1, 3]
    assert TopK(least_share=0.1, images_to_least=1).chosen(patches, 1).tolist() == [3], "one at least"  # type: ignore[union-attr]
    with pytest.raises(ValueError, match="leaves the generator nothing"):
        TopK(least_share=0.0, images_to_least=1)


def scores(model: Any, fake: Tensor) -> Tensor:
    return model.logits(fake, ()).detach().flatten()


@pytest.mark.parametrize("relativistic", [False, True])
def test_the_generator_learns_from_the_chosen_images_alone(relativistic: bool) -> None:
    objective = RelativisticPairing() if relativistic else NonSaturating(label_smoothing=0.0)
    model = tiny_gan(objective=objective, stabiliser={"top_k": TopK(least_share=0.5, images_to_least=10)})
    model.images_seen = 10
    torch.manual_seed(1)
    real, fake = torch.randn(2, 6, 1, 8, 8)
    fake.requires_grad_()
    kept = scores(model, fake).topk(3).indices
    expected = objective.generator(scores(model, fake)[kept], *([scores(model, real)[kept]] if relativistic else []))
    loss = model.generator_loss(real, fake, ())
    assert loss.item() == pytest.approx(expected.item())
    (gradient,) = torch.autograd.grad(loss, fake)
    assert sorted(gradient.flatten(1).abs().sum(1).nonzero().flatten().tolist()) == sorted(kept.tolist())


def all_of_them() -> dict[str, Stabiliser]:
    return {
        "bcr": BalancedConsistency(
            real_weight=1.0, fake_weight=1.0, augment=DiffAugment(policy=["translation"], fill=0.0)
        ),
        "lecam": LeCam(weight=1.0, decay=0.9),
        "top_k": TopK(least_share=0.5, images_to_least=40),
    }


def test_terms_come_from_the_logits_that_are_there() -> None:
    pairs: dict[str, Any] = {"objective": RelativisticPairing(), "penalty": {"r1": R1(gamma=1.0), "r2": R2(gamma=1.0)}}
    for model, names in (
        (tiny_gan(stabiliser=all_of_them()), ["adversarial", "bcr", "lecam"]),
        (tiny_gan(R3GAN, **pairs, stabiliser=all_of_them()), ["adversarial", "r1", "r2", "bcr", "lecam"]),
        (tiny_gan(R3GAN, **pairs), ["adversarial", "r1", "r2"]),
    ):
        calls: list[int] = []
        model.discriminator.register_forward_hook(lambda *_, calls=calls: calls.append(1))
        real, fake = torch.randn(2, 4, 1, 8, 8)
        terms = model.discriminator_terms(real, fake, ())
        assert list(terms) == names
        assert len(calls) == (2 if "r1" in names else 1) + ("bcr" in names), "one forward more, for changed images"
        assert torch.equal(model.latest_logits["real"].flatten(), scores(model, real)), "not those of changed images"


@pytest.mark.bits
def test_a_resumed_run_goes_on_with_the_averages_and_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = tiny_gan(stabiliser=all_of_them())
    logged = fit(whole, max_steps=8, log_every_n_steps=8).callback_metrics
    assert whole.stabiliser["lecam"].running_real != 0
    assert logged["lecam/real"] == whole.stabiliser["lecam"].running_real
    assert logged["top_k/share"] == 0.5
    fit(tiny_gan(stabiliser=all_of_them()), max_steps=4).save_checkpoint(tmp_path / "half.ckpt")
    resumed = tiny_gan(stabiliser=all_of_them(), init_seed=5)
    fit(resumed, max_steps=8, ckpt_path=tmp_path / "half.ckpt")
    assert same(weights(resumed), weights(whole))


def test_without_stabilisers_a_model_has_the_state_that_it_always_had() -> None:
    assert not [name for name in weights(tiny_gan()) if name.startswith("stabiliser")]


def test_a_logit_that_is_not_finite_moves_no_average_out_of_this_world() -> None:
    term = LeCam(weight=1.0, decay=0.5)
    term.observe(torch.tensor([1.0, float("inf")]), torch.tensor([float("nan"), 2.0]))
    assert (term.running_real.item(), term.running_fake.item()) == (0.5, 1.0)
