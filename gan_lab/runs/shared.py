"""Models as they are given away: weights in safetensors, a configuration in JSON, a picture; nothing that could run.

config.json          what the weights are of: the configuration of model and data, the record, a checksum of each file
model.safetensors    weights by the names of a checkpoint's `state_dict`: of the generator, perhaps of other players
grid.png             generated images, where there are some
MODEL_CARD.md        for people; the hub calls it README.md

Opened, such a folder becomes that of a run in this user's cache, so that everything which takes a run takes it.
"""

import hmac
import json
import re
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from omegaconf import DictConfig, OmegaConf
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor
from typing_extensions import TypedDict

from gan_lab.models.adversarial import AdversarialModule
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.names import CONFIG, WEIGHTS
from gan_lab.runs.record import Record
from gan_lab.utils import hashes, own_key
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.files import LARGEST_TEXT, open_regular, unfinished, write_atomically
from gan_lab.utils.run_layout import RunLayout, run_name
from gan_lab.utils.typed_json import Count, read_json

GRID, CARD = "grid.png", "MODEL_CARD.md"
PARTS = ("data", "model", "trainer", "callbacks", "seed")  # of a configuration, that say what the weights are of
# Of a record; the others say who has trained it, and where.
TOLD = (
    *("status", "seconds", "images_seen", "images_per_second", "batches", "batches_per_epoch", "last_batch"),
    *("processes", "batch_size", "data", "best", "scores", "alarms", "seed", "versions", "git_commit", "device"),
    *("threads", "ended_early"),
)
LARGEST_PICTURE = 1 << 26  # bytes


class File(TypedDict):
    """Length and content of a file."""

    bytes: Count
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Shared(TypedDict):
    """Content of config.json."""

    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]
    format: Literal["gan_lab"]
    version: Literal[1]
    name: Annotated[str, AfterValidator(run_name)]
    weights: Literal["ema", "raw", "all"]
    configuration: dict[str, Any]
    record: Record
    files: dict[Literal["model.safetensors", "grid.png"], File]
    checksum: str  # of all other values


@cache
def _form() -> TypeAdapter[Shared]:
    return TypeAdapter(Shared)


def content(
    name: str,
    weights: Literal["ema", "raw", "all"],
    configuration: DictConfig,
    record: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    grid: bytes | None,
) -> dict[str, bytes]:
    """The contents of the files by name; the card is not among them.

    Args:
        name: of the run.
        weights: "ema" or "raw" of a generator alone, "all" of all players.
        configuration: of the run.
        record: of the run.
        tensors: by the names of a checkpoint's `state_dict`.
        grid: a PNG file.
    """
    files = {WEIGHTS: save({key: value.detach().contiguous().clone() for key, value in tensors.items()})}
    files |= {} if grid is None else {GRID: grid}
    values: dict[str, Any] = {
        "format": "gan_lab",
        "version": 1,
        "name": safe_name(name),
        "weights": weights,
        "configuration": told_configuration(configuration),
        "record": told_record(record),
        "files": {key: {"bytes": len(value), "sha256": sha256(value).hexdigest()} for key, value in files.items()},
    }
    values["checksum"] = hashes.of_values(values)
    return {CONFIG: (json.dumps(values, indent=2) + "\n").encode(), **files}


def safe_name(name: str) -> str:
    """A name that a folder can have everywhere, near to the one that a run has."""
    safe = re.sub(r"[^\w.,=+@ -]", "-", name, flags=re.ASCII).strip("-. ,=+@_")[:100]
    try:
        return run_name(safe)
    except ValueError:
        return "model"


def told_configuration(config: DictConfig) -> dict[str, Any]:
    """The parts of a configuration that say what a model is, without places of the machine where it was trained."""
    config = config.copy()
    config.run_dir = "."
    values: Any = OmegaConf.to_container(config, resolve=True)
    return {part: without_places(values[part]) for part in PARTS if part in values}


def told_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a record that say what a model is, without places, machines and people."""
    return {part: without_places(record[part]) for part in TOLD if part in record}


def without_places(value: Any) -> Any:
    """Plain values, of whose paths only the last names are left."""
    if isinstance(value, dict):
        return {key: without_places(child) for key, child in value.items()}
    if isinstance(value, list):
        return [without_places(child) for child in value]
    is_path = isinstance(value, str) and (value.startswith(("/", "~")) or Path(value).is_absolute())
    return Path(value).name or "." if is_path else value


def read(files: Mapping[str, Path], source: object) -> tuple[Shared, dict[str, Tensor]]:
    """Read and verify a model that someone has given away; nothing of it is executed.

    Args:
        files: by their names above, as far as there are.
        source: a folder or an address, for messages.

    Raises:
        UserError: a file is missing, damaged or another than the one that the configuration lists.
    """
    told = read_config(files[CONFIG], source)
    content = verified(files[WEIGHTS], told["files"][WEIGHTS], source) if WEIGHTS in told["files"] else None
    if content is None:
        raise UserError(f"{source}: {CONFIG} lists no {WEIGHTS}")
    try:
        return told, load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"{source}: {WEIGHTS} is damaged: {reason(error)}") from error


def read_config(file: Path, source: object) -> Shared:
    """Read config.json.

    Raises:
        UserError: it can't be read, is another's, or is damaged.
    """
    try:
        told = read_json(file, _form())
    except UserError as error:
        raise UserError(f"{source}: is no model of gan_lab's, or a damaged one: {error}") from error
    values: dict[str, Any] = {name: value for name, value in told.items() if name != "checksum"}
    if hashes.of_values(values) != told["checksum"]:
        raise UserError(f"{source}: {CONFIG} is damaged: its checksum is wrong. Fetch or copy it again")
    return told


def verified(file: Path, expected: File, source: object) -> bytes:
    """The content of a file, which is the one that config.json lists.

    Raises:
        UserError: it is another one, or can't be read.
    """
    try:
        with open_regular(file) as opened:
            content = opened.read(expected["bytes"] + 1)
    except OSError as error:
        raise UserError(f"{source}: {file.name} can't be read: {reason(error)}") from error
    if len(content) != expected["bytes"] or sha256(content).hexdigest() != expected["sha256"]:
        raise UserError(f"{source}: {file.name} is damaged: its sha256 is not the one in {CONFIG}. Fetch it again")
    return content


def files_of(folder: Path) -> dict[str, Path]:
    """The files of a folder by name."""
    return {name: folder / name for name in (CONFIG, WEIGHTS, GRID) if (folder / name).is_file()}


def opened(files: Mapping[str, Path], source: object) -> Path:
    """The folder of a run, in this user's cache, that a shared model is unpacked to.

    Args:
        files: by name.
        source: a folder or an address, for messages.

    Raises:
        UserError: the model is damaged, names what no configuration may, or its weights don't fit it.
    """
    told, tensors = read(files, source)
    picture = None
    if GRID in files and GRID in told["files"] and told["files"][GRID]["bytes"] <= LARGEST_PICTURE:
        picture = verified(files[GRID], told["files"][GRID], source)
    # A name that follows from this user's key: nobody else can have put anything there.
    name = hmac.digest(own_key.own_key() or b"no key", told["checksum"].encode(), "sha256").hex()[:16]
    place = own_key.folder() / "shared" / name / told["name"]
    if RunLayout(place).checkpoint.is_file():
        return place
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with unfinished(place.parent) as folder:
            partial = folder / place.name
            _write_run(RunLayout(partial), told, tensors, picture, source)
            if not place.exists():
                partial.replace(place)
    except OSError as error:
        raise UserError(f"{source}: can't be unpacked to {place}: {reason(error)}") from error
    return place


def _write_run(
    layout: RunLayout, told: Shared, tensors: Mapping[str, Tensor], picture: bytes | None, source: object
) -> None:
    from gan_lab.config import allowed, schema
    from gan_lab.runs.initial_weights import of_players, put_into
    from gan_lab.runs.run import Run

    told_config = {**told["configuration"], "resume": None, "run_dir": None, "logger": {}}  # whatever it says of these
    text = json.dumps(told_config, indent=1)  # which is YAML as well
    if len(text) > LARGEST_TEXT:
        raise UserError(f"{source}: its configuration is larger than any of ours")
    write_atomically(layout.config_file, text)
    write_atomically(layout.record_file, json.dumps(told["record"], indent=2) + "\n")
    try:
        config = Run(layout.folder).config()
        schema.check(config)
    except UserError as error:
        raise UserError(str(error).replace(str(layout.config_file), f"{source}: {CONFIG}")) from error
    if not issubclass(allowed.resolve(config.model._target_, "model._target_"), AdversarialModule):
        raise UserError(f"{source}: model._target_={config.model._target_} is not a model")
    weights = of_players(tensors, source)
    with torch.device("meta"):  # weights that don't fit are found before the model takes memory
        put_into(schema.build(config.model), weights, str(source), option="")
    torch_state = torch.get_rng_state()  # whoever opens a model goes on with the numbers that would have come
    model: AdversarialModule = schema.build(config.model)
    torch.set_rng_state(torch_state)
    put_into(model, weights, str(source), option="")
    checkpoint = {"state_dict": model.state_dict(), "images_seen": told["record"].get("images_seen", 0)}
    AtomicCheckpointIO().save_checkpoint(checkpoint, layout.checkpoint)
    if picture is not None:
        write_atomically(layout.samples / f"{checkpoint['images_seen']:09d}.png", picture)
