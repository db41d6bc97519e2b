"""A run's generator as a folder of files that others can use: weights or a program, a model card, a picture."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from torch import Tensor, nn

from gan_lab.evaluation.sampling import prepare
from gan_lab.models.adversarial import AdversarialModule
from gan_lab.models.ema import MovingAverage
from gan_lab.runs import hub, shared
from gan_lab.runs.initial_weights import PARTS
from gan_lab.runs.names import CONFIG, WEIGHTS
from gan_lab.runs.run import Run, Which
from gan_lab.sharing import formats, grids
from gan_lab.sharing.card import FILES, NOT_STATED, Facts, Form, card, front_matter
from gan_lab.sharing.portable import Portable, portable
from gan_lab.utils import images
from gan_lab.utils.errors import UserError

OURS = frozenset({*FILES.values(), CONFIG, WEIGHTS, shared.CARD, shared.GRID})  # all that an exported folder holds
SEED, IMAGES, MOST_ROWS = 0, 64, 20  # of the picture, which has a row for each class where they are few
LONGEST_LICENCE = 100


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The part of a run that is to be exported.

    Args:
        form: "onnx", "torch" or "safetensors".
        which: the last or the best checkpoint.
        ema: take the generator's moving average where there is one.
        direction: of a translator, by default a2b; None for others.
        licence: of the weights, for the card; "not stated" by default.
    """

    form: Form
    which: Which = "last"
    ema: bool = True
    direction: str | None = None
    licence: str | None = None


def exported(run: Run, wanted: Wanted) -> dict[str, bytes]:
    """The contents of the files of an exported run, by name.

    Raises:
        UserError: there is no checkpoint or no such direction, a package is missing, or the network can't be exported.
    """
    files, facts = _described(run, wanted, None)
    return files | {shared.CARD: card(facts).encode()}


def published(run: Run, wanted: Wanted, address: str) -> dict[str, bytes]:
    """The contents of the files of a published run, by name: the weights of all players, for whoever trains on.

    Raises:
        UserError: there is no checkpoint, or the address is none of the hub.
    """
    repository, _ = hub.parsed(address)
    files, facts = _described(run, wanted, f"hf://{repository}")
    return files | {hub.README: (front_matter(facts) + card(facts)).encode()}


def _described(run: Run, wanted: Wanted, address: str | None) -> tuple[dict[str, bytes], Facts]:
    """The files beside the card, and the facts that it tells; at an address lie the weights of all players."""
    licence = checked_licence(wanted.licence)
    model = run.load_model(wanted.which)
    generator = portable(run, model, ema=wanted.ema, direction=wanted.direction)
    grid = picture(run, generator, wanted)
    any_size = generator.translates
    files: dict[str, bytes] = {} if grid is None else {shared.GRID: grid}
    if wanted.form == "safetensors":
        kind: Literal["ema", "raw", "all"] = "all" if address else "ema" if generator.weights == "ema" else "raw"
        record = run.record() | {"images_seen": model.images_seen}  # of the chosen checkpoint
        files |= shared.content(run.folder.name, kind, run.config(), record, _tensors(model, kind), grid)
    else:
        program = (formats.to_onnx if wanted.form == "onnx" else formats.to_torch)(generator)
        any_size = program.any_size
        files[FILES[wanted.form]] = program.content
    facts = Facts(
        run=run,
        portable=generator,
        form=wanted.form,
        licence=licence,
        checkpoint=wanted.which,
        any_size=any_size,
        has_grid=grid is not None,
        address=address,
    )
    return files, facts


def checked_licence(licence: str | None) -> str:
    """A licence as the card tells it.

    Raises:
        UserError: it is no line of text.
    """
    if licence is None:
        return NOT_STATED
    if not licence.strip() or not licence.isprintable() or len(licence) > LONGEST_LICENCE:
        raise UserError(f"--licence {licence}: must be a line of up to {LONGEST_LICENCE} characters, such as cc-by-4.0")
    return licence.strip()


def picture(run: Run, generator: Portable, wanted: Wanted) -> bytes | None:
    """A PNG file: fresh samples of a generator, or the latest grid of a translator; None where there is none.

    Raises:
        UserError: the latest grid can't be read.
    """
    if not generator.translates:
        count = IMAGES if generator.classes > MOST_ROWS else None
        drawing = prepare(run, which=wanted.which, count=count, of_class=None, seed=SEED, ema=wanted.ema, device="cpu")
        return images.png(drawing.grid())
    file = grids.latest(run, ema=wanted.ema)
    if file is None:
        return None
    content = io.BytesIO()
    grids.read(file).save(content, format="PNG")
    return content.getvalue()


def refuse_others(out: Path, force: bool) -> None:
    """Refuse, before any work is done, a folder that may not be replaced.

    Raises:
        UserError: it exists without `force`, is a file, holds more than an exported run, or is the current folder.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise UserError(f"--out {out}: is a file; name a folder")
    if not force:
        raise UserError(f"--out {out}: exists already; choose another name, or replace it with --force")
    if Path.cwd().is_relative_to(out.resolve()):
        raise UserError(f"--out {out}: is the current folder or above it; choose another folder")
    if {path.name for path in out.iterdir()} - OURS:
        raise UserError(
            f"--out {out}: holds more than an exported run, which --force won't replace; choose another name"
        )


def _tensors(model: AdversarialModule, kind: Literal["ema", "raw", "all"]) -> dict[str, Tensor]:
    """Weights by the names of a checkpoint: of all players, or of the whole generator, of a translator both ways."""
    if kind == "all":
        return {name: value for name, value in model.state_dict().items() if name.partition(".")[0] in PARTS}
    network = model.sampling_network(kind == "ema")
    generator: nn.Module = network.network if isinstance(network, MovingAverage) else network
    return {f"generator.{name}": value for name, value in generator.state_dict().items()}
