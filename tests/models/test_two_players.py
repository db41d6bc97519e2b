"""What both players minimise: logits in one precision, in as few forwards as may be."""

import pytest
import torch

from gan_lab.losses import Minimax
from gan_lab.networks import mlp
from gan_lab.penalties import R1
from tests.conftest import SIZE, count_calls, fit, tiny_gan, tiny_network


def test_one_forward_scores_both_kinds_where_images_do_not_meet() -> None:
    model = tiny_gan()
    calls = count_calls(model.discriminator)
    real, fake = torch.randn(3, 1, 8, 8), torch.randn(3, 1, 8, 8)
    together = model.real_and_fake_outputs(real, fake, ())
    assert len(calls) == 1
    model.discriminator.batch_independent = False
    apart = model.real_and_fake_outputs(real, fake, ())
    assert len(calls) == 3
    torch.testing.assert_close(together, apart)


def test_half_precision_scores_meet_a_float32_loss() -> None:
    model = tiny_gan(objective=Minimax(label_smoothing=0.0))
    fit(model, max_steps=2, precision="bf16-mixed")
    assert model.latest_logits["real"].dtype == torch.float32
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_a_penalty_on_a_batch_norm_discriminator_is_refused_with_the_way_out() -> None:
    batch_norm = mlp.Discriminator(hidden=[4], norm="batch", image_size=SIZE, channels=1)
    with pytest.raises(ValueError, match=r"gradient penalty \(r1\).*batch norm: set .*norm=layer, or model/penalty=no"):
        tiny_gan(network=tiny_network() | {"discriminator": batch_norm}, penalty={"r1": R1(gamma=1.0)})
