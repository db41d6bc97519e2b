"""Old weights for a new run: only weights are taken, everything else begins anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs import checkpoint_io, hub, shared
from gan_lab.runs.checkpoint_check import mismatch
from gan_lab.runs.names import is_address, is_shared
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import open_regular

PARTS = ("generator", "discriminator", "generator_ema")
OLD_PARTS = {"average": "generator_ema"}  # names of 0.1


def read(source: str) -> dict[str, Tensor]:
    """Read the weights of both players, and of the generator's moving average where there is one.

    Args:
        source: a run folder, whose last checkpoint counts; a model that was exported or lies at the hub,
            `hf://user/name`; or a file: a checkpoint, or safetensors with the names of a checkpoint's `state_dict`.

    Raises:
        UserError: there is no such run or file, or it holds no weights of a generator.
    """
    path = Path(source).expanduser()
    if is_address(source):
        state: Any = shared.read(hub.download(source), f"init_from={source}")[1]
    elif path.is_dir() and is_shared(path):
        state = shared.read(shared.files_of(path), f"init_from={source}")[1]
    elif path.is_dir():
        state = Run.open(path).load_checkpoint().get("state_dict")
    elif not path.exists():
        raise UserError(f"init_from={source}: no such run folder or file")
    elif path.suffix == ".safetensors":
        try:
            open_regular(path).close()  # a pipe would have it wait
            state = load_file(path)
        except OSError as error:
            raise UserError(f"init_from={source}: can't be read: {reason(error)}") from error
        except SafetensorError as error:
            raise UserError(f"init_from={source}: is damaged: {reason(error)}") from error
    else:
        state = checkpoint_io.read(path).get("state_dict")
    if not isinstance(state, dict):
        raise UserError(f"init_from={source}: is not a checkpoint of a run, it has no state_dict")
    return of_players(state, f"init_from={source}")


def of_players(state: Mapping[str, Tensor], source: object) -> dict[str, Tensor]:
    """Choose the weights of both players, and of the generator's moving average, from a `state_dict`.

    Raises:
        UserError: it holds no weights of a generator.
    """
    weights = {}
    for name, value in state.items():
        part, _, rest = str(name).partition(".")
        if (part := OLD_PARTS.get(part, part)) in PARTS:
            weights[f"{part}.{rest}"] = value
    if not any(name.startswith("generator.") for name in weights):
        raise UserError(f"{source}: holds no weights of a generator")
    return weights


def put_into(
    model: AdversarialModule, weights: Mapping[str, Tensor], source: str, option: str = "init_from="
) -> dict[str, str]:
    """Have the model begin with these weights; on torch's meta device, only compare names and shapes.

    Args:
        model: to begin with them.
        weights: by the names of its `state_dict`.
        source: of the weights, for the record and for messages,
        option: which begin with this.

    Returns:
        For the record: for each part of the model, the source of its weights.

    Raises:
        UserError: the weights don't fit the model, or lack a discriminator of which layers are frozen.
    """
    sources = {}
    for part in PARTS:
        network: nn.Module | None = getattr(model, part)
        own = {name.partition(".")[2]: value for name, value in weights.items() if name.startswith(f"{part}.")}
        if network is None:
            continue
        if own:
            sources[part] = source
        elif part == "generator_ema":  # which begins as a copy of the generator
            own = {
                f"network.{name.partition('.')[2]}": v for name, v in weights.items() if name.startswith("generator.")
            }
            sources[part] = "the generator"
        elif part == "discriminator" and model.freeze_discriminator:
            raise UserError(
                f"{option}{source}: holds no weights of a discriminator for "
                f"model.freeze_discriminator={model.freeze_discriminator} to keep; set it to 0"
            )
        else:
            sources[part] = "a new beginning"
            continue
        if problem := mismatch(network, own, f"{part}."):
            raise UserError(f"{option}{source}: does not fit this model: {problem}")
        if not next(network.parameters()).is_meta:
            network.load_state_dict(own)
    return sources
