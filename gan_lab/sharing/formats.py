"""Portable generators as files that other programs run: ONNX, and programs of `torch.export`."""

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from gan_lab.sharing.portable import Portable
from gan_lab.utils.errors import UserError
from gan_lab.utils.extras import require

BATCH, HEIGHT, WIDTH = "batch", "height", "width"  # of inputs whose size is open
LARGEST_ONNX = (1 << 31) - 1  # bytes that one file of ONNX may have
ERROR = 1e-4  # in [-1, 1], by which programs may compute another way; of pixels of 8 bits it changes one in 78


@dataclass(frozen=True)
class Exported:
    """The content of a file, and the sizes of images that a translator in it takes.

    Args:
        content: of the file.
        any_size: True where height and width are open, multiples of the network's own; False where they are fixed.
    """

    content: bytes
    any_size: bool


def to_onnx(portable: Portable) -> Exported:
    """ONNX, checked: onnxruntime draws the same images as torch.

    Raises:
        UserError: a package is missing, the network can't be said in ONNX or is too large for a file, or the images
            differ.
    """
    require("--format onnx", "export", "onnx", "onnxscript", "onnxruntime")
    program, any_size = _program(portable, largest=True)
    with _quiet(), _refusing("onnx"):
        translated: Any = torch.onnx.export(
            program, dynamo=True, input_names=list(portable.inputs), output_names=["images"], verbose=False
        )
        proto = translated.model_proto
    _clean(proto, portable)
    if proto.ByteSize() > LARGEST_ONNX:
        raise UserError(
            "--format onnx: the network has more than 2 GB, which no file of ONNX holds; use --format torch"
        )
    content: bytes = proto.SerializeToString()
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def draw(*inputs: Tensor) -> Tensor:
        given = {name: each.numpy() for name, each in zip(portable.inputs, inputs, strict=True)}
        return torch.from_numpy(session.run(None, given)[0])

    check(portable, draw, "onnx", any_size=any_size)
    return Exported(content, any_size)


def to_torch(portable: Portable) -> Exported:
    """A program of `torch.export`, which torch alone runs; checked: it draws the same images.

    Raises:
        UserError: the network can't be exported, or the images differ.
    """
    program, any_size = _program(portable, largest=False)
    graphs = [part.graph for part in program.graph_module.modules() if isinstance(part, torch.fx.GraphModule)]
    for node in (node for graph in graphs for node in graph.nodes):  # which say where the source lies on this machine
        for told in ("stack_trace", "nn_module_stack", "source_fn_stack", "torch_fn", "from_node"):
            node.meta.pop(told, None)
    file = io.BytesIO()
    with _quiet(), _refusing("torch"):
        torch.export.save(program, file)
        loaded = torch.export.load(io.BytesIO(file.getvalue())).module()
    check(portable, loaded, "torch", any_size=any_size)
    return Exported(file.getvalue(), any_size)


def check(portable: Portable, draw: Callable[..., Tensor], form: str, *, any_size: bool) -> None:
    """Compare the images of a file with those of torch, in batches of other sizes than the file was made with.

    Whole numbers may be rounded another way, the more of them the more values a window of [-1, 1] has.

    Raises:
        UserError: they differ by more than that, or the type is another.
    """
    depth = portable.depth
    most = ERROR * depth.span / 2
    for inputs in _trials(portable, any_size):
        with torch.no_grad():
            expected = portable.module(*inputs)
        made = draw(*inputs)
        apart = np.full(1, depth.span)
        if made.shape == expected.shape and made.dtype == expected.dtype:
            apart = np.abs(made.numpy().astype(np.float64) - expected.numpy().astype(np.float64))
        mean = max(most, depth.is_whole / expected.numel())
        if not (apart.max() <= most + depth.is_whole and apart.mean() <= mean):
            raise UserError(
                f"--format {form}: the file draws other images than torch, by up to {apart.max():g} of {depth.span:g}, "
                "so it is not kept"
            )


def _trials(portable: Portable, any_size: bool) -> Iterator[tuple[Tensor, ...]]:
    """Yield inputs of one and of three, and images of other sizes where they may have some."""
    examples = portable.examples
    yield tuple(each[:1] for each in examples)
    yield tuple(torch.cat((each, each[:1])) for each in examples)
    if portable.translates and any_size:
        yield (examples[0].repeat(1, 1, 1, 2),)


def _program(portable: Portable, *, largest: bool) -> tuple[ExportedProgram, bool]:
    """A program of any batch; of a translator for images of any size, or else of the size that it was trained on.

    Args:
        portable: of a generator.
        largest: whether a program may be one that refuses the size that it was trained on, for what checks it later:
            torch assumes that a side that differs is no side of one, as the innermost maps of a U-Net may have.
    """
    batch = Dim(BATCH)
    if not portable.translates:
        with _quiet(), _refusing("export"):
            shapes = tuple({0: batch} for _ in portable.examples)
            return torch.export.export(portable.module, tuple(portable.examples), dynamic_shapes=shapes), False
    (example,) = portable.examples
    least = max(1, portable.least // portable.multiple)
    sides = {2: portable.multiple * Dim("rows", min=least), 3: portable.multiple * Dim("columns", min=least)}
    larger = example.repeat(1, 1, 2, 3)
    with _quiet(), contextlib.suppress(Exception):
        program = torch.export.export(portable.module, (larger,), dynamic_shapes=({0: batch, **sides},))
        if not largest:
            program.module()(example)
        return program, True
    with _quiet(), _refusing("export"):
        return torch.export.export(portable.module, (example,), dynamic_shapes=({0: batch},)), False


def _clean(proto: Any, portable: Portable) -> None:
    """Name the open sizes, and leave out what tells of the machine: the places of source files."""
    names: dict[str, str] = {}
    for given in proto.graph.input:
        for place, size in enumerate(given.type.tensor_type.shape.dim):
            if size.dim_param:
                names.setdefault(size.dim_param, {0: BATCH, 2: HEIGHT, 3: WIDTH}.get(place, size.dim_param))
    for value in (*proto.graph.input, *proto.graph.output):
        for size in value.type.tensor_type.shape.dim:
            if size.dim_param in names:
                size.dim_param = names[size.dim_param]
    del proto.graph.value_info[:]  # which names sizes as well, and which readers work out by themselves
    for part in (*proto.graph.node, *proto.graph.input, *proto.graph.output, *proto.graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for function in proto.functions:
        function.ClearField("metadata_props")
        function.ClearField("doc_string")
        for node in function.node:
            node.ClearField("metadata_props")
            node.ClearField("doc_string")
    proto.graph.ClearField("metadata_props")
    proto.graph.ClearField("doc_string")
    proto.ClearField("metadata_props")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to oneself what exporters say on the way."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextmanager
def _refusing(form: str) -> Iterator[None]:
    """Say in one line that a network can't be exported.

    Raises:
        UserError: it can't.
    """
    try:
        yield
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        why = lines[0] if lines else type(error).__name__
        raise UserError(
            f"--format {form}: this network can't be exported ({why[:200]}); --format safetensors takes every network"
        ) from error
