"""What was handed over, by its place in a configuration."""

import copy

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from gan_lab.api.objects import Objects, made_of, network, takes_two
from gan_lab.config import schema
from gan_lab.config.handed_over import handing_over
from gan_lab.losses import Hinge
from gan_lab.models.vanilla import VanillaGAN
from gan_lab.utils.errors import UserError
from tests.api.test_training import Discriminator, Generator, LabelledDiscriminator, LabelledGenerator, Seen
from tests.conftest import composed


def test_places_and_names() -> None:
    objects = Objects(
        networks=(Generator(), lambda: Discriminator()),
        model=VanillaGAN,
        loss=Hinge,
        callbacks=[Seen(), Seen()],
    )
    config = composed("model=vanilla")
    objects.put_into(config)
    here = "tests.api.test_training"
    assert {path: OmegaConf.select(config, path)._target_ for path in objects.things} == {
        "model.network.generator": f"python:model.network.generator:{here}.Generator",
        "model.network.discriminator": "python:model.network.discriminator:builtins.function",
        "model": "gan_lab.models.vanilla.VanillaGAN",
        "model.objective": "gan_lab.losses.Hinge",
        "callbacks.seen": f"python:callbacks.seen:{here}.Seen",
        "callbacks.seen_2": f"python:callbacks.seen_2:{here}.Seen",
    }
    assert set(config.model.network.generator) == {"_target_"}
    with handing_over(objects.handed_over(config)):
        schema.check(config)
        built = schema.build(config.model.network)
        assert [type(built[name]) for name in ("generator", "discriminator")] == [Generator, Discriminator]
        assert schema.build(config.callbacks.seen_2) is objects.things["callbacks.seen_2"]


def test_nothing_is_handed_over_where_nothing_was_given() -> None:
    objects = Objects()
    assert not objects
    config = composed()
    before = copy.deepcopy(config)
    objects.put_into(config)
    assert config == before
    assert objects.handed_over(config) == {}


class Scaled(Generator):
    def forward(self, latents: Tensor, scale: float = 1.0) -> Tensor:
        return super().forward(latents) * scale


class Remembering(Discriminator):
    def forward(self, images: Tensor, features: list[Tensor] | None = None) -> Tensor:
        return super().forward(images)


class LabelledScaled(LabelledGenerator):
    def forward(self, latents: Tensor, labels: Tensor, scale: float = 1.0) -> Tensor:  # type: ignore[override]
        return super().forward(latents, labels) * scale


class Says(Scaled):
    takes_labels = True


@pytest.mark.parametrize(
    ("player", "takes"),
    [
        (Generator, False),
        (Generator(), False),
        (LabelledGenerator, True),
        (LabelledDiscriminator(), True),
        (nn.Sequential(), False),
        (lambda: LabelledGenerator(), False),
        (Scaled, False),
        (Remembering(), False),
        (LabelledScaled, True),
        (LabelledScaled(), True),
        (Says, True),
        (Says(), True),
    ],
)
def test_networks_that_take_labels_are_told_by_their_forward(player: object, takes: bool) -> None:
    assert takes_two(player) is takes  # type: ignore[arg-type]


def test_arguments_with_defaults_are_none_for_labels() -> None:
    assert not Objects(networks=(Scaled, Remembering)).takes_labels()
    assert not Objects(networks=(LabelledGenerator, Remembering)).takes_labels(), "both must"
    assert not hasattr(network(Scaled()), "takes_labels")
    assert network(LabelledScaled()).takes_labels


def test_one_callback_needs_no_list() -> None:
    one = Seen()
    assert Objects(callbacks=one).things == {"callbacks.seen": one}
    assert Objects(callbacks=(one,)).things == {"callbacks.seen": one}


def test_a_network_is_a_copy_where_it_is_wanted() -> None:
    own = Generator()
    made = network(own)
    assert made is not own
    assert torch.equal(made(torch.ones(1, 4)), own(torch.ones(1, 4)))
    with torch.device("meta"):
        assert {weight.device.type for weight in network(own).parameters()} == {"meta"}
        assert {weight.device.type for weight in network(Generator).parameters()} == {"meta"}
    assert {weight.device.type for weight in own.parameters()} == {"cpu"}
    assert network(LabelledGenerator()).takes_labels


def test_what_can_not_be_copied_is_refused() -> None:
    class Holds(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.found: Tensor = torch.ones(1, requires_grad=True) * 2  # no leaf: torch copies none

    with pytest.raises(UserError, match="networks=: Holds can't be copied, or made without arguments: Only Tensors"):
        network(Holds())


def test_a_class_of_model_takes_the_options_of_its_place() -> None:
    made = made_of("model", VanillaGAN)
    assert made.takes_options
    assert made.kind is VanillaGAN
    assert not made_of("model.objective", Hinge()).takes_options
