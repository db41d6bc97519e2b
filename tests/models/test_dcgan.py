import pytest

from gan_lab.models.dcgan import DCGAN
from gan_lab.networks import dcgan_small
from tests.conftest import LATENT_DIM, SIZE, fit, same, tiny_gan, tiny_network, weights

CONVOLUTIONAL = {
    "generator": dcgan_small.Generator(latent_dim=LATENT_DIM, width=2, image_size=SIZE, channels=1),
    "discriminator": dcgan_small.Discriminator(width=2, norm="batch", image_size=SIZE, channels=1),
}


@pytest.mark.parametrize("player", CONVOLUTIONAL)
def test_a_player_without_convolutions_is_refused_with_the_way_out(player: str) -> None:
    network = CONVOLUTIONAL | {player: tiny_network()[player]}
    with pytest.raises(ValueError, match=f"this {player} is not: choose model/network=dcgan_small, or model=vanilla"):
        tiny_gan(DCGAN, network=network)


def test_convolutional_players_learn() -> None:
    model = tiny_gan(DCGAN, network=CONVOLUTIONAL)
    before = weights(model.generator), weights(model.discriminator)
    fit(model, max_steps=1)
    assert not same(weights(model.generator), before[0])
    assert not same(weights(model.discriminator), before[1])
