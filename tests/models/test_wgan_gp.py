import pytest

from gan_lab.losses import Wasserstein
from gan_lab.models.wgan_gp import WGANGP
from gan_lab.penalties import DRAGAN, R1, GradientPenalty, Penalty
from tests.conftest import fit, tiny_gan


def test_a_critic_without_a_penalty_is_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match="choose model/penalty=gradient_penalty, or model=wgan"):
        tiny_gan(WGANGP, objective=Wasserstein(), penalty={})


@pytest.mark.parametrize(
    "penalty",
    [GradientPenalty(weight=10.0), DRAGAN(weight=10.0, noise=0.3), R1(gamma=1.0)],
    ids=lambda penalty: type(penalty).__name__,
)
def test_the_critic_pays_any_penalty(penalty: Penalty) -> None:
    model = tiny_gan(WGANGP, objective=Wasserstein(), penalty={"penalty": penalty}, n_critic=2)
    logged = fit(model, max_steps=2, log_every_n_steps=2).callback_metrics
    assert logged["loss/discriminator/penalty"] > 0
    parts = logged["loss/discriminator/adversarial"] + logged["loss/discriminator/penalty"]
    assert logged["loss/discriminator"].item() == pytest.approx(parts.item())
