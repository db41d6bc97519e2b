"""A new run from old weights: only weights are taken, everything else begins anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs import checkpoint_io
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError

PARTS = ("generator", "discriminator", "generator_ema")


def read(source: str) -> dict[str, Tensor]:
    """The weights of both players, and of the generator's moving average where there is one.

    Args:
        source: a run folder, whose last checkpoint counts, or a file: a checkpoint, or safetensors with the names of a
            checkpoint's `state_dict`.

    Raises:
        UserError: there is nothing to be had.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        state: Any = Run.open(path).load_checkpoint().get("state_dict")
    elif not path.exists():
        raise UserError(f"init_from={source}: no such run folder or file")
    elif path.suffix == ".safetensors":
        try:
            state = load_file(path)
        except (SafetensorError, OSError) as error:
            raise UserError(f"init_from={source}: is damaged: {error}") from error
    else:
        state = checkpoint_io.read(path).get("state_dict")
    if not isinstance(state, dict):
        raise UserError(f"init_from={source}: is not a checkpoint of a run, it has no state_dict")
    weights = {name: value for name, value in state.items() if name.partition(".")[0] in PARTS}
    if not any(name.startswith("generator.") for name in weights):
        raise UserError(f"init_from={source}: holds no weights of a generator")
    return weights


def put_into(model: AdversarialModule, weights: Mapping[str, Tensor], source: str) -> dict[str, str]:
    """Have the model begin with these weights; on torch's meta device, see whether it could.

    Returns:
        For the record: for each part of the model, where its weights are from.

    Raises:
        UserError: they don't fit.
    """
    told = {}
    for part in PARTS:
        network: nn.Module | None = getattr(model, part)
        own = {name.partition(".")[2]: value for name, value in weights.items() if name.startswith(f"{part}.")}
        if network is None:
            continue
        if own:
            told[part] = source
        elif part == "generator_ema":  # which begins as a copy of the generator
            own = {
                f"network.{name.partition('.')[2]}": v for name, v in weights.items() if name.startswith("generator.")
            }
            told[part] = "the generator"
        else:
            told[part] = "a new beginning"
            continue
        if problem := mismatch(network, own, f"{part}."):
            raise UserError(f"init_from={source}: does not fit this model: {problem}")
        if not next(network.parameters()).is_meta:
            network.load_state_dict(own)
    return told


def mismatch(network: nn.Module, state: Mapping[str, Tensor], prefix: str = "") -> str | None:
    """In what a network differs from saved weights, by the first tensor that does; None if they fit.

    Args:
        network: what they are for.
        state: by the names of the network's `state_dict`.
        prefix: of the names in the message.
    """
    wanted = network.state_dict()
    for name in (*wanted, *state):
        if name not in state:
            return f"{prefix}{name} is missing there"
        if name not in wanted:
            return f"{prefix}{name} is there, but not in the model"
        here, there = tuple(wanted[name].shape), tuple(state[name].shape)
        if here != there:
            return f"{prefix}{name} is {there} there, and {here} in the model"
    return None
