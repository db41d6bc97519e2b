"""A network whose lower part doesn't learn: it keeps what an earlier training has taught it."""

from collections.abc import Iterator

from torch import nn


def layers(network: nn.Module) -> list[list[nn.Parameter]]:
    """The parameters of a network by layer, from its input up as the network lists them.

    A layer begins with each module that has a weight of two dimensions or more: a convolution, a dense layer. What has
    none, a norm say, belongs to the layer before. A shortcut beside other layers counts as a layer of its own.
    """
    modules: dict[str, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        modules.setdefault(owner(name), []).append(parameter)
    found: list[list[nn.Parameter]] = []
    for own in modules.values():
        if not found or any(parameter.dim() > 1 for parameter in own):
            found.append([])
        found[-1] += own
    return found


def owner(name: str) -> str:
    """The module that a parameter belongs to, also where spectral norm has made its weight another module's."""
    return name.partition(".parametrizations.")[0] if ".parametrizations." in name else name.rpartition(".")[0]


def freeze_lowest(network: nn.Module, count: int) -> None:
    """Have so many layers of a discriminator, those nearest to the image, not learn.

    Freeze-D: Mo et al. 2020, section 3 (arXiv:2002.10964). Statistics of batch norm go on following the batches.

    Raises:
        ValueError: there would be no layer left that learns.
    """
    there = layers(network)
    if count >= len(there):
        raise ValueError(
            f"model.freeze_discriminator={count} leaves nothing to learn: the discriminator has {len(there)} layers"
        )
    for parameter in flattened(there[:count]):
        parameter.requires_grad_(False)


def flattened(groups: list[list[nn.Parameter]]) -> Iterator[nn.Parameter]:
    """Each parameter of all groups."""
    for group in groups:
        yield from group
