"""Model cards: what a model is, what it learned from, what it reaches, and how to load it, for people.

Mitchell et al. 2019, Model cards for model reporting (arXiv:1810.03993).
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from gan_lab.evaluation import run_scores
from gan_lab.metrics.protocol import Protocol
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.titles import formatted
from gan_lab.runs.record import best_score
from gan_lab.runs.run import Run
from gan_lab.runs.shared import without_places
from gan_lab.sharing.portable import Portable
from gan_lab.utils.depth import EIGHT, Depth
from gan_lab.utils.terminal import visible

Form = Literal["onnx", "torch", "safetensors"]
FILES: Mapping[Form, str] = {"onnx": "generator.onnx", "torch": "generator.pt2", "safetensors": "model.safetensors"}
NOT_STATED = "not stated"
# Licences that the hub knows by these names; others are "other" there.
KNOWN_LICENCES = {
    *("mit", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "gpl-3.0", "lgpl-3.0", "agpl-3.0", "mpl-2.0", "unlicense"),
    *("cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "openrail"),
}
PRIVATE = ("run", "notes", "tags", "resume", "resume_mode", "run_dir", "sweep", "logger", "init_from")  # of overrides
SHOWN_CLASSES = 20


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Facts that a card tells beside those of the run's record.

    Args:
        run: that was trained.
        portable: its generator.
        form: of the files.
        licence: of the weights.
        checkpoint: "last" or "best".
        any_size: True where a translator takes images of any size, False where of one only.
        has_grid: whether a picture lies beside the card.
        address: at the hub, where it is published, with the weights of all players.
    """

    run: Run
    portable: Portable
    form: Form
    licence: str
    checkpoint: str
    any_size: bool
    has_grid: bool
    address: str | None = None


def card(facts: Facts) -> str:
    """A model card in Markdown."""
    record = facts.run.record()
    parts = [
        f"# {plain(facts.run.folder.name)}",
        _opening(facts),
        "![Generated images](grid.png)" if facts.has_grid else "",
        _table(_overview(facts, record)),
        "## Data",
        _data(record.get("data") or {}),
        "## Scores",
        _scores(facts, record),
        "## Training",
        _training(facts, record),
        "## What goes in and what comes out",
        _interface(facts),
        "## Limits",
        _limits(facts, record),
        "## How to load",
        how_to_load(facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def front_matter(facts: Facts) -> str:
    """The lines by which the hub sorts a card."""
    licence = f"license: {facts.licence.lower()}"
    if facts.licence.lower() not in KNOWN_LICENCES:
        name = re.sub(r"[^a-z0-9.]+", "-", facts.licence.lower()).strip("-")
        licence = f"license: other\nlicense_name: {name or 'other'}"
    task = "image-to-image" if facts.portable.translates else "unconditional-image-generation"
    tags = "tags:\n- gan\n- gan_lab\n- pytorch"
    return f"---\n{licence}\nlibrary_name: gan_lab\npipeline_tag: {task}\n{tags}\n---\n\n"


def plain(text: object) -> str:
    """A text of a record, perhaps a stranger's, as text in Markdown and never as marks of it."""
    line = visible(" ".join(str(text).split()))
    return re.sub(r"([\\`*_{}\[\]<>|#!~])", r"\\\1", line)


def _opening(facts: Facts) -> str:
    portable, model = facts.portable, _class_of(facts)
    if portable.translates:
        return f"A generator that translates images ({model}, direction {portable.direction}), trained with gan_lab."
    asked = f", of {portable.classes} classes that can be asked for" if portable.classes else ""
    return f"A generator of images ({model}){asked}, trained with gan_lab."


def _class_of(facts: Facts) -> str:
    return plain(str(facts.run.config().model._target_).rpartition(".")[2])


def _overview(facts: Facts, record: Mapping[str, Any]) -> list[tuple[str, str]]:
    portable = facts.portable
    what = {"ema": "the generator's moving average", "raw": "the generator as it is"}[portable.weights]
    if facts.address:
        what = "generator, its moving average where there is one, and discriminator"
    shape = " x ".join(map(str, portable.output))
    size = "the size of the source" if portable.translates and facts.any_size else f"{shape} (channels, height, width)"
    versions = record.get("versions") or {}
    return [
        ("Licence of the weights", plain(facts.licence)),
        ("Weights", f"{what}, of the {facts.checkpoint} checkpoint, after {portable.images_seen:,} training images"),
        ("Images", size),
        ("Format", f"{facts.form}: {FILES[facts.form]}"),
        ("Made with", ", ".join(f"{plain(name)} {plain(version)}" for name, version in versions.items()) or "unknown"),
    ]


def _table(rows: Sequence[tuple[str, str]], head: tuple[str, str] = ("", "")) -> str:
    return "\n".join(["| {} | {} |".format(*head), "|---|---|", *("| {} | {} |".format(*row) for row in rows)])


def _data(data: Mapping[str, Any]) -> str:
    if not data:
        return "The record says nothing of the data."
    told = dict(data) | ({"source": Path(str(data["source"])).name} if "source" in data else {})
    rows = [(plain(name), _cell(value)) for name, value in told.items()]
    note = "\n\n**Not the full dataset**: a small substitute was taken, as no mirror could be reached."
    return _table(rows, ("fact", "value")) + (note if data.get("substitute") else "")


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{plain(key)}: {_cell(child)}" for key, child in value.items())
    if isinstance(value, list):
        more = f" and {len(value) - SHOWN_CLASSES} more" if len(value) > SHOWN_CLASSES else ""
        return ", ".join(map(_cell, value[:SHOWN_CLASSES])) + more
    return plain(value)


def _scores(facts: Facts, record: Mapping[str, Any]) -> str:
    told = [_score_table(scores, facts) for scores in run_scores.records(facts.run)]
    best = record.get("best")
    if best and facts.checkpoint == "best":
        protocol = Protocol.from_dict(best["protocol"])
        found = best_score(record)
        values = {found.name: found.value} if found else {}
        told.append(_score_table(ScoreRecord(images_seen=best["images_seen"], values=values, protocol=protocol), facts))
    if not told:
        return "Nobody has scored this run."
    return "\n\n".join([*told, "Only scores of one protocol can be compared."])


def _score_table(scores: ScoreRecord, facts: Facts) -> str:
    protocol = scores.protocol
    rows = [tuple(map(plain, both)) for both in formatted(scores).values()]
    seen = "" if scores.images_seen is None else f" after {scores.images_seen:,} training images"
    if scores.images_seen not in (None, facts.portable.images_seen):
        seen += ", which is another state than this one"
    extractor, content = (protocol.extractor.get(part, "unknown") for part in ("name", "sha256"))
    against = (
        f"Protocol `{protocol.id}`: {protocol.n_fake:,} generated images ({protocol.weights} weights){seen}, held "
        f"against {protocol.n_real:,} real ones of the split {plain(protocol.split)}; features of {plain(extractor)}, "
        f"sha256 {plain(str(content)[:16])}."
    )
    return f"{_table([(row[0], row[1]) for row in rows], ('score', 'value'))}\n\n{against}"


def _training(facts: Facts, record: Mapping[str, Any]) -> str:
    seconds = record.get("seconds")
    time = f" in {timedelta(seconds=round(seconds))}" if seconds else ""
    batch = (record.get("batch_size") or {}).get("global")
    device = record.get("device")
    lines = [
        f"{record.get('images_seen', 0):,} images in {record.get('batches', 0):,} batches"
        + (f" of {batch:,}" if batch else "")
        + time
        + (f" on {plain(device)}" if device else "")
        + ".",
    ]
    if command := training_command(facts.run):
        lines += ["", f"    {command}"]
    if alarms := record.get("alarms"):
        lines += ["", f"Health alarms: {len(alarms)}; the last: {plain(alarms[-1])}"]
    return "\n".join(lines)


def recipe(run: Run) -> list[str]:
    """The overrides of the command line that began a run, without names, places and loggers of whoever typed it."""
    kept = []
    for override in run.overrides() or []:
        option, equals, value = override.partition("=")
        name = option.lstrip("+~")
        if name.partition(".")[0] not in (*PRIVATE, "hydra") and not name.startswith("hydra/"):
            kept.append(visible(" ".join(f"{option}{equals}{without_places(value)}".splitlines())))
    return kept


def training_command(run: Run) -> str:
    """The command that begins such a run again, to paste into a shell; empty where its overrides aren't known."""
    overrides = recipe(run)
    return shlex.join(["gan-lab", "train", *overrides]) if overrides else ""


def type_of(depth: Depth) -> str:
    """The name of the type of pixels, as numpy and torch have it."""
    return str(depth.dtype).removeprefix("torch.")


def _values(depth: Depth) -> str:
    """The values of pixels: all that 8 bits have, or those of the window that the run was trained with."""
    low, high = depth.window
    told = f"from {low:g} to {high:g}"
    return told if depth == EIGHT else f"{told}, the window of the training, in the units of its files"


def _interface(facts: Facts) -> str:
    portable = facts.portable
    made = type_of(portable.depth)
    channels, height, width = portable.output
    if portable.translates:
        source = portable.examples[0].shape
        if facts.form == "safetensors":
            size = "of any size, which gan_lab extends and cuts as the network needs"
        elif facts.any_size:
            size = f"of any height and width that are multiples of {portable.multiple}, {portable.least} or more"
        else:
            size = f"of {source[2]} x {source[3]} pixels (height, width), and no others"
        return _table(
            [
                (
                    "`image`",
                    f"{type_of(portable.source_depth)} (batch, {source[1]}, height, width): images {size}; "
                    + _values(portable.source_depth),
                ),
                (
                    "`images`",
                    f"{made} (batch, {channels}, height, width): their translations, of the same size; "
                    + _values(portable.depth),
                ),
            ],
            ("name", "what"),
        )
    normal = portable.latent_dim - portable.uniform
    draw = (
        f"the first {normal} standard normal, the others uniform in [-1, 1]" if portable.uniform else "standard normal"
    )
    rows = [("`latent`", f"float32 (batch, {portable.latent_dim}): {draw}")]
    if portable.classes:
        names = ", ".join(
            f"{number}: {plain(name)}" for number, name in enumerate(portable.class_names[:SHOWN_CLASSES])
        )
        more = ", ..." if len(portable.class_names) > SHOWN_CLASSES else ""
        rows.append(("`label`", f"int64 (batch,): 0 to {portable.classes - 1}{f' ({names}{more})' if names else ''}"))
    rows.append(("`images`", f"{made} (batch, {channels}, {height}, {width}): values {_values(portable.depth)}"))
    return _table(rows, ("name", "what"))


def _limits(facts: Facts, record: Mapping[str, Any]) -> str:
    data, portable = record.get("data") or {}, facts.portable
    count = data.get("train_images")
    of = f"{count:,} images" if isinstance(count, int) else "images"
    lines = [
        f"It has seen {of} of {plain(data.get('name', 'unknown data'))} and nothing else: what these lack, and what "
        "they are biased to, is lacking and biased in what it makes.",
        "A generator may repeat images that it was trained on. Scores say little about that.",
    ]
    if portable.translates:
        lines.append(("Colours have 8 bits. " if portable.depth == EIGHT else "") + "Transparency is not translated.")
        lines.append("A translation looks plausible, and is no measurement of what the source shows.")
    if record.get("status") != "finished":
        lines.append(f"The training has not come to its end: it is {plain(record.get('status'))}.")
    if any(scores.protocol.small for scores in run_scores.records(facts.run)):
        lines.append("Scores of few images are biased; they say how many.")
    if facts.licence == NOT_STATED:
        lines.append("Nobody has stated a licence, so nothing is allowed beyond what the law allows.")
    return "\n".join(f"- {line}" for line in lines)


def how_to_load(facts: Facts) -> str:
    """Commands and programs that load a model; they work in the folder of the files."""
    if facts.form == "safetensors":
        return _with_gan_lab(facts)
    portable = facts.portable
    runtime = {"onnx": "`pip install onnxruntime numpy pillow`", "torch": "`pip install torch numpy pillow`"}[
        facts.form
    ]
    return f"{runtime}; gan_lab is not needed.\n\n```python\n{_program(facts.form, portable)}\n```"


def _with_gan_lab(facts: Facts) -> str:
    where = facts.address or "."
    again = (
        f"\n\nTo begin a new training with these weights: `gan-lab train init_from={where} ...`"
        if facts.address
        else ""
    )
    if facts.portable.translates:
        return (
            f"With gan_lab (`pip install gan-lab-lightning`):\n\n    gan-lab translate {where} --input image.png --out "
            f"translated.png --direction {facts.portable.direction}{again}"
        )
    label = ", label=0" if facts.portable.classes else ""
    return (
        f"With gan_lab (`pip install gan-lab-lightning`):\n\n    gan-lab sample {where} --out samples.png\n\n"
        f"```python\nimport gan_lab\n\nrun = gan_lab.load({where!r})\n"
        f"images = run.sample(8{label})  # {type_of(facts.portable.depth)} (8, channels, height, width)\n```{again}"
    )


def _program(form: Form, portable: Portable) -> str:
    made = _is_picture(portable.depth, portable.output[0])
    given = portable.translates and _is_picture(portable.source_depth, portable.examples[0].shape[1])
    lines = ["import numpy as np", *(["import onnxruntime"] if form == "onnx" else ["import torch"])]
    lines += ["from PIL import Image", ""] if made or given else [""]
    if portable.translates:
        channels, height, width = portable.examples[0].shape[1:]
        if given:
            mode = "RGB" if channels == 3 else "L"
            lines += [
                f'picture = Image.open("image.png").convert("{mode}").resize(({width}, {height}))  # your own',
                f"image = np.asarray(picture).reshape(1, {height}, {width}, {channels}).transpose(0, 3, 1, 2)",
            ]
        else:
            lines += [
                f'array = np.load("image.npy")  # your own, of {height} x {width} x {channels} values',
                f"image = array.reshape(1, {height}, {width}, {channels}).transpose(0, 3, 1, 2)"
                f'.astype("{type_of(portable.source_depth)}")',
            ]
    else:
        lines += ["numbers = np.random.default_rng(0)"]
        lines += [f"latent = numbers.standard_normal((8, {portable.latent_dim}), dtype=np.float32)"]
        if portable.uniform:
            lines += [f"latent[:, -{portable.uniform}:] = numbers.uniform(-1, 1, (8, {portable.uniform}))"]
        if portable.classes:
            lines += [f"label = np.arange(8) % {portable.classes}"]
    comment = f"# {type_of(portable.depth)} (batch, channels, height, width)"
    if form == "onnx":
        inputs = ", ".join(f'"{name}": {name}' for name in portable.inputs)
        lines += ['session = onnxruntime.InferenceSession("generator.onnx")']
        lines += [f"images = session.run(None, {{{inputs}}})[0]  {comment}"]
    else:
        copied = {"image": "torch.from_numpy(image.copy())"}
        inputs = ", ".join(copied.get(name, f"torch.from_numpy({name})") for name in portable.inputs)
        lines += ['generator = torch.export.load("generator.pt2").module()']
        lines += [f"images = generator({inputs}).numpy()  {comment}"]
    if not made:
        return "\n".join([*lines, 'np.save("first.npy", images[0].transpose(1, 2, 0))'])
    pixels = "images[0].transpose(1, 2, 0)" if portable.output[0] == 3 else "images[0, 0]"
    return "\n".join([*lines, f'Image.fromarray(np.ascontiguousarray({pixels})).save("first.png")'])


def _is_picture(depth: Depth, channels: int) -> bool:
    """True for what Pillow reads and writes as it is."""
    return depth == EIGHT and channels in (1, 3)
