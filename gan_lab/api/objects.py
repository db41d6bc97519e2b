"""Objects that a Python program trains with: looked at once, then put into a configuration by name."""

import copy
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from lightning.pytorch.callbacks import Callback
from omegaconf import DictConfig, OmegaConf, open_dict
from torch import nn

from gan_lab.config import handed_over
from gan_lab.config.handed_over import HandedOver
from gan_lab.data import given
from gan_lab.data.given import Given, GivenImages
from gan_lab.losses import Objective
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.utils.errors import UserError

PLAYERS = ("generator", "discriminator")
IMAGES = f"{GivenImages.__module__}.{GivenImages.__qualname__}"
Network = nn.Module | Callable[[], nn.Module]


class Objects:
    """Objects that were handed over, by their places in a configuration.

    Args:
        data: images; as of `given.read`.
        labels: of the images of a tensor.
        networks: the generator and the discriminator, each a module, or a class or function that makes one.
        model: a class of model.
        loss: an objective, or a class of objectives.
        callbacks: that watch the training; one needs no list.

    Raises:
        UserError: one of them is of another kind.
    """

    def __init__(
        self,
        *,
        data: Any = None,
        labels: Any = None,
        networks: Iterable[Network] | None = None,
        model: type[AdversarialModule] | None = None,
        loss: Objective | type[Objective] | None = None,
        callbacks: Iterable[Callback] | Callback = (),
    ) -> None:
        if data is None and labels is not None:
            raise UserError("labels=: belongs to data=, a tensor or an array of images")
        self.data, self.labels = data, labels
        self.given: Given | None = None  # once it is read
        self.things: dict[str, Any] = {}  # by the path of their place
        if networks is not None:
            self.things |= {
                f"model.network.{name}": player for name, player in zip(PLAYERS, pair(networks), strict=True)
            }
        if model is not None:
            require(
                isinstance(model, type) and issubclass(model, AdversarialModule), "model", "a class of model", model
            )
            self.things["model"] = model
        if loss is not None:
            kind = loss if isinstance(loss, type) else type(loss)
            require(issubclass(kind, Objective), "loss", "an objective of gan_lab.losses, or a class of these", loss)
            self.things["model.objective"] = loss
        for callback in callbacks if isinstance(callbacks, Iterable) else [callbacks]:
            require(isinstance(callback, Callback), "callbacks", "objects of Lightning's Callback", callback)
            self.things[f"callbacks.{self._name_of(callback)}"] = callback

    def __bool__(self) -> bool:
        """True where anything was handed over."""
        return self.data is not None or bool(self.things)

    @property
    def has_networks(self) -> bool:
        """True where the players were handed over."""
        return "model.network.generator" in self.things

    def takes_labels(self) -> bool:
        """Tell if both players take labels beside latents and images."""
        players = [self.things[f"model.network.{name}"] for name in PLAYERS]
        return all(takes_two(player) for player in players)

    def read(self) -> None:
        """Read the images into memory; errors as of `given.read`."""
        if self.data is not None and self.given is None:
            self.given = given.read(self.data, self.labels)

    def refuse_overrides(self, overrides: Iterable[str]) -> None:
        """Refuse an override of what was handed over.

        Raises:
            UserError: naming it.
        """
        taken = {"data": "data"} if self.data is not None else {}
        taken |= {"model/network": "networks", "model.network": "networks"} if self.has_networks else {}
        taken |= {"model/objective": "loss", "model.objective": "loss"} if "model.objective" in self.things else {}
        for override in overrides:
            name = override.lstrip("+~").partition("=")[0].partition("@")[0]
            for place, argument in taken.items():
                if name == place or (place.startswith("model.") and name.startswith(f"{place}.")):
                    raise UserError(f"{override}: {argument}= is given as an object; leave one of them out")

    def put_into(self, config: DictConfig) -> None:
        """Name the objects in a configuration, in place of what stands there."""
        with open_dict(config):
            for path, thing in self.things.items():
                target = handed_over.target_of(path, thing)
                if path == "model":
                    config.model._target_ = target
                else:
                    OmegaConf.update(config, path, {"_target_": target}, merge=False)

    def handed_over(self, config: DictConfig, *, images: bool = True) -> Mapping[str, HandedOver]:
        """The objects by the `_target_` that stands in their place of a configuration, perhaps a saved one.

        Args:
            config: where their names stand.
            images: whether images are read now, if they have not been.

        Raises:
            UserError: another thing stands there.
        """
        found = {}
        for path, thing in self.things.items():
            node = OmegaConf.select(config, path)
            target = node.get("_target_") if isinstance(node, DictConfig) else None
            expected = handed_over.target_of(path, thing)
            if target is None or (target != expected and not str(target).startswith(f"{handed_over.SCHEME}{path}:")):
                raise UserError(
                    f"{path}: the run began with {target or 'none'}, not with an object; leave {expected} out"
                )
            found[str(target)] = made_of(path, thing)
        if self.data is not None and images:
            if config.data.get("_target_") != IMAGES:
                raise UserError(f"data=: the run was trained on {config.data.get('_target_')}; leave data= out")
            self.read()
            found[IMAGES] = HandedOver(GivenImages, self._give, takes_options=True)
        return found

    @property
    def _give(self) -> Callable[..., GivenImages]:
        images = self.given
        assert images is not None

        def give(**options: Any) -> GivenImages:
            return GivenImages(**options).hand_over(images)

        return give

    def _name_of(self, callback: Callback) -> str:
        """A name for a callback in the configuration: early_printer of EarlyPrinter."""
        plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(callback).__name__).lower()
        name, number = plain, 1
        while f"callbacks.{name}" in self.things:
            number += 1
            name = f"{plain}_{number}"
        return name


def require(is_right: bool, argument: str, expected: str, thing: object) -> None:
    """Refuse another kind of object.

    Raises:
        UserError: it is one.
    """
    if not is_right:
        what = thing.__name__ if isinstance(thing, type) else type(thing).__name__
        raise UserError(f"{argument}=: must be {expected}, not {what}")


def pair(networks: Iterable[Network]) -> tuple[Network, Network]:
    """The generator and the discriminator.

    Raises:
        UserError: there are not two, or one of them makes no network.
    """
    players = tuple(networks) if isinstance(networks, (tuple, list)) else ()
    if len(players) != 2:
        raise UserError("networks=: must be a pair, (generator, discriminator)")
    for player in players:
        is_class = isinstance(player, type)
        fits = issubclass(player, nn.Module) if is_class else isinstance(player, nn.Module) or callable(player)
        require(fits, "networks", "torch.nn.Modules, or classes or functions that make them", player)
    return players


def takes_two(player: Network) -> bool:
    """Tell if a player's forward needs two arguments, latents or images and labels, or `takes_labels` says so."""
    if not isinstance(player, (nn.Module, type)):
        return False  # nobody knows before it is made
    if isinstance(said := getattr(player, "takes_labels", None), bool):
        return said
    try:
        forward: Any = getattr(player, "forward", None)
        names = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):
        return False
    positional = [one for one in names if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    needed = [one for one in positional if one.default is one.empty and one.name != "self"]
    return len(needed) == 2  # one that has a default, such as scale=1.0, is none for labels


def made_of(path: str, thing: Any) -> HandedOver:
    """Wrap an object or class as a configuration builds it."""
    if path == "model":
        return HandedOver(thing, lambda **options: thing(**options), takes_options=True)
    if path.startswith("model.network."):
        kind = thing if isinstance(thing, type) else type(thing) if isinstance(thing, nn.Module) else nn.Module
        return HandedOver(kind, lambda: network(thing))
    if isinstance(thing, type):
        return HandedOver(thing, lambda **options: thing(**options), takes_options=True)
    return HandedOver(type(thing), lambda: thing)


def network(player: Network) -> nn.Module:
    """A network of its own: the object that was handed over stays as it is, and can be trained from again.

    Raises:
        UserError: it can't be copied or made.
    """
    device = torch.empty(0).device  # "meta" while a configuration is checked
    try:
        made = copy.deepcopy(player).to(device) if isinstance(player, nn.Module) else player()
    except Exception as error:
        name = type(player).__name__ if isinstance(player, nn.Module) else getattr(player, "__name__", str(player))
        reason = str(error).partition("\n")[0]
        raise UserError(f"networks=: {name} can't be copied, or made without arguments: {reason}") from error
    require(isinstance(made, nn.Module), "networks", "torch.nn.Modules, or what makes them", made)
    if takes_two(made):
        vars(made)["takes_labels"] = True  # as model/conditioning=native wants to know
    return made
