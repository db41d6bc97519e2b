"""What the defaults on a card could be chosen by: layout, cuDNN's search for kernels, TensorFloat32, bfloat16."""

from dataclasses import replace
from functools import partial

from benchmarks.gpu.tables import Bench, Table, Way, begun, in_turn, round_of
from benchmarks.precisions import Option

DEFAULT = Option("default", "32-true", tf32="convolutions")
BF16 = replace(DEFAULT, name="bf16-mixed", precision="bf16-mixed")
CHOICES = (
    DEFAULT,
    replace(DEFAULT, name="no TensorFloat32", tf32="nowhere"),
    replace(DEFAULT, name="TensorFloat32 in products too", tf32="everywhere"),
    replace(DEFAULT, name="channels_last", channels_last=True),
    replace(DEFAULT, name="cudnn.benchmark", tried_kernels=True),
    BF16,
    replace(BF16, name="bf16-mixed, channels_last", channels_last=True),
    replace(BF16, name="bf16-mixed, cudnn.benchmark", tried_kernels=True),
)
# By name: the model, what else it takes, and whether graphs replay its steps. Large ones don't wait for launches.
Network = tuple[str, tuple[str, ...], bool]
NETWORKS: dict[str, Network] = {
    "dcgan, `dcgan_small`": ("dcgan", (), True),
    "dcgan, `dcgan_transposed`, 64 pixels in colour": (
        "dcgan",
        ("model/network=dcgan_transposed", "data=cifar10", "data.image_size=64"),
        True,
    ),
    "r3gan, `r3gan_cifar10`, batch 16": (
        "r3gan",
        ("model/network=r3gan_cifar10", "data=cifar10", "data.batch_size=16"),
        False,
    ),
}


def measure(bench: Bench, network: Network, seconds: float) -> list[str]:
    """The row of a network."""
    model, overrides, graphs = network
    graphs = graphs and bench.device.has_graphs

    def begin(choice: Option) -> Way:
        return round_of(bench.training(model, replace(choice, graphs=graphs), *overrides), bench.seconds)

    working, missing = begun({choice.name: partial(begin, choice) for choice in CHOICES}, seconds)
    (rate, _), *others = in_turn([*working.values()], bench.rounds)
    found = dict(zip(working, [f"{rate:,.0f}", *(f"{ratio:.2f}" for _, ratio in others)], strict=True))
    return [(missing | found)[choice.name] for choice in CHOICES]


def table(bench: Bench) -> Table:
    """A row for each network."""
    return Table(
        "Choices: images/s by default (TensorFloat32 in convolutions alone), and how many times as many with another",
        ["network", *(choice.name for choice in CHOICES)],
        {name: partial(measure, bench, network) for name, network in NETWORKS.items()},
    )
