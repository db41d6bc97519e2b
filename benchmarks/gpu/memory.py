"""The memory that a training step of each preset takes, and the largest batch that fits onto the card."""

from functools import partial
from time import perf_counter

from benchmarks.gpu.tables import Bench, Table, log
from benchmarks.precisions import Option
from gan_lab.utils.errors import UserError
from gan_lab.utils.memory import is_shortage

FLOAT32 = Option("float32", "32-true", tf32="convolutions")
GRAPHS = Option("graphs", "32-true", tf32="convolutions", graphs=True)
BF16 = Option("bf16", "bf16-mixed", tf32="convolutions")
COLOUR = "data=cifar10"
SNGAN = ("dcgan", COLOUR, "model/network=sngan_resnet", "model/objective=hinge", "model.n_critic=5")
BIGGAN = ("cgan", COLOUR, "model/network=biggan", "model/conditioning=native", "model/objective=hinge")
STYLEGAN2 = ("stylegan2", COLOUR, "model/network=stylegan2", "model.latent_dim=512")
FOLDER = "data.root=."  # none of its images are read
# By name: the model, what else it takes, and its own batch on one device.
PRESETS: dict[str, tuple[tuple[str, ...], int]] = {
    "`dcgan_small`": (("dcgan",), 64),
    "`dcgan_upsample`": (("dcgan", "model/network=dcgan_upsample"), 128),
    "`dcgan_transposed`": (("dcgan", "model/network=dcgan_transposed"), 128),
    "`celeba_dcgan`": (("dcgan", "experiment=celeba_dcgan"), 128),
    "`r3gan_cifar10`": (("r3gan", "experiment=r3gan_cifar10", FOLDER), 64),
    "`r3gan_ffhq64`": (("r3gan", "experiment=r3gan_ffhq64", FOLDER), 32),
    "`r3gan_ffhq256`": (("r3gan", "experiment=r3gan_ffhq256", FOLDER), 32),
    **{f"`sngan_resnet`, {side} pixels": ((*SNGAN, f"data.image_size={side}"), 64) for side in (32, 64, 128)},
    **{f"`biggan`, {side} pixels": ((*BIGGAN, f"data.image_size={side}"), 64) for side in (32, 64, 128)},
    "`stylegan2_small`": (("stylegan2",), 64),
    "`stylegan2`, 64 pixels": ((*STYLEGAN2, "data.image_size=64"), 32),
    "`stylegan2`, 256 pixels": ((*STYLEGAN2, "data.image_size=256"), 16),
    "`resnet_patchgan_256`": (("cyclegan", "model/network=resnet_patchgan_256", "data.image_size=256"), 1),
    "`unet_patchgan`, 256 pixels": (("pix2pix", "model/network=unet_patchgan", "data.image_size=256"), 1),
}


def taken(bench: Bench, option: Option, overrides: tuple[str, ...], batch: int) -> int | None:
    """The most bytes that the steps of a batch take; None where the card has fewer.

    Raises:
        UserError: the steps can't be graphs.
    """
    model, *rest = overrides
    try:
        training = bench.training(model, option, *rest, f"data.batch_size={batch}", images=batch)
        return bench.device.peak(lambda: training.round(1))
    except (RuntimeError, UserError) as error:
        if not is_shortage(error.__cause__ or error):  # a graph's recording may find out
            raise
        return None


def largest(bench: Bench, option: Option, overrides: tuple[str, ...], own: int, fits: bool, end: float) -> str:
    """The largest batch among the doubles of the own one, or its halves where it doesn't fit."""
    batch = own
    if not fits:
        while batch > 1 and perf_counter() < end:
            batch //= 2
            bench.device.free()
            if taken(bench, option, overrides, batch) is not None:
                return f"{batch:,}"
        return f"< {batch:,}"
    while 2 * batch <= bench.largest and perf_counter() < end:
        bench.device.free()
        try:
            if taken(bench, option, overrides, 2 * batch) is None:
                return f"{batch:,}"
        except Exception as error:  # some of torch's functions take no more than 2^31 values
            log.warning("a batch of %s: %s", f"{2 * batch:,}", str(error).partition("\n")[0][:200])
            return f"{batch:,} ({2 * batch:,} fails)"
        batch *= 2
    return f">= {batch:,}"


def measure(bench: Bench, preset: tuple[tuple[str, ...], int], seconds: float) -> list[str]:
    """The row of a preset."""
    overrides, own = preset
    end = perf_counter() + seconds
    cells = [f"{own:,}"]
    for option in (FLOAT32, BF16):
        peak = taken(bench, option, overrides, own)
        limit = end - (option is FLOAT32) * seconds / 2
        cells += [shown(peak), largest(bench, option, overrides, own, peak is not None, limit)]
        bench.device.free()
    if not bench.device.has_graphs:
        return [*cells, "n/a"]
    try:
        return [*cells, shown(taken(bench, GRAPHS, overrides, own))]
    except UserError:  # a schedule of the preset rules them out
        return [*cells, "no graphs"]


def shown(peak: int | None) -> str:
    """Bytes as the table has them."""
    return "more than there is" if peak is None else f"{peak / 1e9:.2f} GB"


def table(bench: Bench) -> Table:
    """A row for each preset."""
    return Table(
        "Memory of training steps at a preset's own batch, and the largest batch among its doubles",
        ["preset", "batch", "float32", "largest", "bf16-mixed", "largest", "float32, graphs"],
        {name: partial(measure, bench, preset) for name, preset in PRESETS.items()},
    )
