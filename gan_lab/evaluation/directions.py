"""Directions in the space of latents or styles, found without labels, and sheets of what they change."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from gan_lab.evaluation.latents import Space
from gan_lab.utils import images, seeding
from gan_lab.utils.errors import UserError

Method = Literal["sefa", "pca"]
ACTIVATED = 1024  # latents whose activations principal components are taken of
LAYERS = (nn.Linear, nn.ConvTranspose2d, nn.Conv2d)
ACTIVATIONS = (nn.ReLU, nn.LeakyReLU, nn.Tanh, nn.SiLU, nn.GELU, nn.ELU, nn.PReLU, nn.Softplus, nn.Sigmoid)


@dataclass(frozen=True)
class Directions:
    """Directions, the strongest first.

    Args:
        vectors: (k, size); a step of 1 is one standard deviation of latents, or styles, along it.
        strengths: float64 (k,): eigenvalues, or the share of the variance.
        styles: True for directions in w.
    """

    vectors: Tensor
    strengths: Tensor
    styles: bool


def find(space: Space, method: Method, count: int, shares: Tensor | None = None) -> Directions:
    """Find so many directions, or all where there are fewer; in w where the generator has styles, else in z.

    Args:
        space: of the run.
        method: closed-form factorisation, or principal components.
        count: how many.
        shares: of classes (1, classes), whose styles are meant; None takes those of all classes.

    Raises:
        UserError: the generator has no linear layer that gets the latents as they are.
    """
    if method == "sefa":
        return closed_form(space, count, shares)
    return of_styles(space, count, shares) if space.has_styles else of_activations(space, count)


@torch.no_grad()
def closed_form(space: Space, count: int, shares: Tensor | None = None) -> Directions:
    """Directions that change the first layer's output most: eigenvectors of A^T A.

    Shen and Zhou 2021, section 3.2, equation 7 (arXiv:2007.06600), where A is the weight of the first layer. Of
    styles, A has the rows of all layers that read w (section 3.3). In z only the values that are normal are moved.

    Raises:
        UserError: the generator has no linear layer that gets the latents as they are.
    """
    if not space.has_styles:
        vectors, strengths = eigenvectors(first_weight(space)[0], count)
        return Directions(vectors.to(space.model.device, space.model.dtype), strengths, False)
    readers = [module.style for module in space.core.modules() if isinstance(getattr(module, "style", None), nn.Linear)]
    if not readers:
        raise UserError("--method sefa: no layer of this generator reads w by a linear layer named style; take pca")
    vectors, strengths = eigenvectors(torch.cat([layer.weight for layer in readers]), count)
    _, apart = space.spread(shares)
    deviations = (apart.double().cpu() @ vectors.T).std(0)
    return Directions((vectors * deviations[:, None]).to(space.model.device, space.model.dtype), strengths, True)


def eigenvectors(weight: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Eigenvectors of A^T A of a weight A (outputs, size), the largest first: float64 (k, size) and (k,), on the CPU.

    The value of each that is furthest from zero is positive, since an eigenvector's sign is anyone's choice.
    """
    matrix = weight.detach().double().cpu()
    values, vectors = torch.linalg.eigh(matrix.T @ matrix)
    return _signed(vectors.T.flip(0)[:count]), values.flip(0)[:count].clamp_min(0)


def _signed(vectors: Tensor) -> Tensor:
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * torch.where(largest < 0, -1.0, 1.0).to(vectors)


@torch.no_grad()
def of_styles(space: Space, count: int, shares: Tensor | None = None) -> Directions:
    """Principal components of w, of a class or of all (Härkönen et al. 2020, section 2.2, arXiv:2004.02546)."""
    _, apart = space.spread(shares)
    vectors, deviations, shares = principal_components(apart, count)
    return Directions((vectors * deviations[:, None]).to(space.model.device, space.model.dtype), shares, True)


def principal_components(centred: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Principal components of centred values (n, size).

    Returns:
        Unit vectors (k, size), the values' deviations along them (k,), and their shares of the variance (k,); float64,
        on the CPU. No more than have any variance.
    """
    values = centred.detach().double().cpu()
    of_places = values.shape[1] <= len(values)
    products = values.T @ values if of_places else values @ values.T  # the smaller one; both have the same eigenvalues
    squares, vectors = torch.linalg.eigh(products)
    squares, vectors = squares.flip(0)[:count], vectors.T.flip(0)[:count]
    kept = squares > squares[0] * 1e-9
    squares, vectors = squares[kept], vectors[kept]
    if not of_places:
        vectors = vectors @ values / squares.sqrt()[:, None]
    return _signed(vectors), (squares / max(1, len(values) - 1)).sqrt(), squares / values.square().sum()


@torch.no_grad()
def of_activations(space: Space, count: int) -> Directions:
    """Directions in z that move the first layer's activations along their principal components.

    Härkönen et al. 2020, section 2.2: components of activations of drawn latents, and of these the latents by linear
    regression on the coordinates (equation 2).

    Raises:
        UserError: the generator has no linear layer that gets the latents as they are.
    """
    _, layer = first_weight(space)
    latents = space.draw(ACTIVATED, seeding.derive(0, "activations"))
    shares = space.shares_of([0] * ACTIVATED) if space.classes else None
    found: list[Tensor] = []
    begun = False

    def look(module: nn.Module, _: Any, output: Tensor) -> None:
        nonlocal begun
        if module is layer:
            begun = True
            found.append(output.flatten(1).clone())
        elif begun and isinstance(module, ACTIVATIONS) and len(found) == 1:
            found.append(output.flatten(1).clone())

    hooks = [
        module.register_forward_hook(look)
        for module in space.core.modules()
        if isinstance(module, (*LAYERS, *ACTIVATIONS))
    ]
    try:
        space.images(latents, shares)
    finally:
        for hook in hooks:
            hook.remove()
    activations = found[-1].double().cpu()  # behind the first activation, where that is a module
    centred = activations - activations.mean(0)
    vectors, deviations, variances = principal_components(centred, count)
    coordinates = centred @ vectors.T / deviations
    values = latents[:, : space.normal].double().cpu()
    slopes = torch.linalg.lstsq(coordinates, values - values.mean(0)).solution
    return Directions(slopes.to(space.model.device, space.model.dtype), variances, False)


@torch.no_grad()
def first_weight(space: Space) -> tuple[Tensor, nn.Module]:
    """The weight (outputs, normal) by which the first layer reads the latents' normal values, and the layer.

    It is the first one, linear or a convolution, whose input are the latents as they are, or their first part: values
    that it does not see have no weight.

    Raises:
        UserError: there is none.
    """
    latents = space.seeds([0, 1])
    shares = space.shares_of([0, 0]) if space.classes else None
    found: list[nn.Module] = []

    def look(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        values = inputs[0].flatten(1) if inputs and isinstance(inputs[0], Tensor) else latents[:, :0]
        size = min(values.shape[1], space.normal)
        if size and len(values) == len(latents) and torch.equal(values[:, :size], latents[:, :size]):
            found.append(module)

    layers = [module for module in space.core.modules() if isinstance(module, LAYERS)]
    hooks = [module.register_forward_pre_hook(look) for module in layers]
    try:
        space.images(latents, shares)
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise UserError(
            "--method: no linear layer of this generator gets the latents as they are, so there is no first layer to "
            "factorise"
        )
    layer: Any = found[0]
    transposed = isinstance(layer, nn.ConvTranspose2d)
    rows = layer.weight.flatten(1).T if transposed else layer.weight.movedim(1, -1).flatten(0, -2)
    weight = torch.zeros(len(rows), space.normal, device=rows.device, dtype=rows.dtype)
    seen = min(rows.shape[1], space.normal)
    weight[:, :seen] = rows[:, :seen]
    return weight, layer


def sheet(
    space: Space, directions: Directions, *, start: Tensor, shares: Tensor | None, steps: int, extent: float
) -> Tensor:
    """A picture with a row for each direction: one latent, moved from -extent to extent standard deviations.

    Args:
        space: of the run.
        directions: k of them.
        start: a latent (1, size), which is in the middle of each row.
        shares: of classes (1, classes), where the model takes any.
        steps: pictures in a row.
        extent: in standard deviations.

    Returns:
        uint8 (3, height, width).
    """
    if directions.styles:
        with torch.no_grad():
            start = space.styles(start, shares)
    moves = torch.linspace(-extent, extent, steps).to(start)[:, None] * directions.vectors[:, None]  # (k, steps, size)
    moves = moves.flatten(0, 1)
    points = start.expand(len(moves), *start.shape[1:]).clone()
    if directions.styles:
        points += moves[:, None]
    else:
        points[:, : space.normal] += moves
    every = None if shares is None else shares.expand(len(points), -1)
    return images.tiled(torch.cat(list(space.pixels(points, every))), steps)


@torch.no_grad()
def mixed(
    space: Space, rows: Sequence[int], columns: Sequence[int], layer: int | None, shares: Tensor | None = None
) -> Tensor:
    """A picture of mixed styles: coarse ones of a row's seed, fine ones of a column's (Karras et al. 2019, figure 3).

    The images of the seeds themselves stand at the left and at the top, and the corner is grey.

    Args:
        space: of the run.
        rows: seeds whose w the layers before `layer` get.
        columns: seeds whose w `layer` gets, and all that follow.
        layer: the first fine one; None takes the middle.
        shares: of classes (1, classes), where the model takes any.

    Returns:
        uint8 (3, height, width).

    Raises:
        UserError: the generator has no styles, or no such layer.
    """
    if not space.has_styles:
        raise UserError("--method mix: the generator of this run has no styles to mix; model=stylegan2 has")

    def styles(seeds: Sequence[int]) -> Tensor:
        return space.styles(space.seeds(seeds), None if shares is None else shares.expand(len(seeds), -1))

    coarse, fine = styles(rows), styles(columns)
    count = coarse.shape[1]
    first = count // 2 if layer is None else layer
    if not 0 < first < count:
        raise UserError(f"--layer {first}: must be from 1 to {count - 1}, since this generator has {count} layers")
    between = torch.arange(count, device=coarse.device)[:, None] < first
    crossed = torch.where(between, coarse[:, None], fine[None]).flatten(0, 1)
    pictures = torch.cat(list(space.pixels(torch.cat((fine, coarse, crossed)))))
    top, left, inner = torch.split(pictures, [len(columns), len(rows), len(rows) * len(columns)])
    ordered = [torch.full_like(pictures[0], 128), *top]
    for row in range(len(rows)):
        ordered += [left[row], *inner[row * len(columns) : (row + 1) * len(columns)]]
    return images.tiled(torch.stack(ordered), len(columns) + 1)


@dataclass(frozen=True)
class Sheet:
    """A picture, and its title.

    Args:
        picture: uint8 (3, height, width).
        title: what it shows.
        directions: of its rows; None of mixed styles.
    """

    picture: Tensor
    title: str
    directions: Directions | None


def walk(
    space: Space,
    method: Literal["sefa", "pca", "mix"],
    *,
    directions: int,
    steps: int,
    extent: float,
    seed: int,
    seeds: Sequence[int],
    layer: int | None,
    of_class: str | None,
) -> Sheet:
    """Draw a sheet of directions, or of mixed styles.

    Args:
        space: of the run.
        method: closed-form factorisation, principal components, or mixed styles.
        directions: rows of the sheet.
        steps: pictures in a row.
        extent: standard deviations to each side.
        seed: whose first latent is in the middle of each row.
        seeds: whose styles are mixed.
        layer: as of `mixed`.
        of_class: of a conditional model, by name or number; None is class 0.

    Raises:
        UserError: the generator has no such class, no styles, or no first layer.
    """
    (label,) = space.labels("--class", [of_class]) if of_class is not None else (0,)
    takes_label = space.classes and (of_class is not None or not space.categories)
    shares = space.shares_of([label]) if takes_label else None
    of = f" of class {space.name(label)}" if takes_label else ""
    if method == "mix":
        return Sheet(mixed(space, seeds, seeds, layer, shares), f"{len(seeds)} x {len(seeds)} mixed styles{of}", None)
    found = find(space, method, directions, shares)
    picture = sheet(space, found, start=space.seeds([seed]), shares=shares, steps=steps, extent=extent)
    where = "w" if found.styles else "z"
    return Sheet(picture, f"{len(found.vectors)} directions in {where}{of}, up to {extent:g} deviations", found)
