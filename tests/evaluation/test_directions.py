import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gan_lab.evaluation import directions
from gan_lab.evaluation.directions import closed_form, eigenvectors, first_weight, mixed, principal_components, walk
from gan_lab.runs.checkpoint_io import AtomicCheckpointIO
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.conftest import alike, composed, untrained
from tests.evaluation.test_latents import space_of


def test_the_strongest_directions_of_a_weight_by_hand() -> None:
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]]).double()
    weight = turn @ torch.diag(torch.tensor([1.0, 3.0]).double()) @ turn.T  # stretches (0.8, -0.6) by 3
    vectors, strengths = eigenvectors(weight, 2)
    torch.testing.assert_close(vectors, torch.tensor([[0.8, -0.6], [0.6, 0.8]]).double())
    torch.testing.assert_close(strengths, torch.tensor([9.0, 1.0]).double())
    assert len(eigenvectors(weight, 1)[0]) == 1


def test_no_other_unit_step_moves_the_first_layer_further(run: Run) -> None:
    space = space_of(run)
    weight, layer = first_weight(space)
    assert layer is space.core.hidden[0]
    found = closed_form(space, 8)
    assert found.vectors.shape == (4, 4), "no more than there are dimensions"
    moved = (found.vectors @ weight.T).norm(dim=1)
    torch.testing.assert_close(moved.double(), found.strengths.sqrt())
    others = nn.functional.normalize(torch.randn(500, 4, generator=torch.Generator().manual_seed(0)))
    assert (others @ weight.T).norm(dim=1).max() <= moved[0] * (1 + 1e-5)
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(4))


@pytest.mark.parametrize("network", ["dcgan_small", "dcgan_upsample", "dcgan_transposed", "resnet", "mlp"])
def test_the_first_layer_of_every_network_is_found(network: str, tmp_path: Path) -> None:
    run = Run(tmp_path / network)
    run.save_config(composed("model=vanilla", f"model/network={network}", "model.latent_dim=6", "data.image_size=32"))
    AtomicCheckpointIO().save_checkpoint(
        {"state_dict": untrained(run).state_dict(), "images_seen": 320}, run.checkpoint
    )
    run.update_record(status="interrupted")
    space = space_of(run)
    weight, layer = first_weight(space)
    latents = space.seeds([1, 2])
    ends: list[torch.Tensor] = []
    hook = layer.register_forward_hook(lambda *seen: ends.append(seen[2].flatten(1).clone()))
    space.images(latents)
    hook.remove()
    moved = ends[0][1] - ends[0][0]
    products = (latents @ weight.T)[1] - (latents @ weight.T)[0]
    torch.testing.assert_close(moved.norm(), products.norm(), rtol=1e-3, atol=1e-5)


def test_labels_are_not_moved(conditional_run: Run) -> None:
    weight, _ = first_weight(space_of(conditional_run))
    assert weight.shape[1] == 4


class Warped(nn.Module):
    """A generator whose first layer sees other values than its latents."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 64)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        images: torch.Tensor = self.layer(latents.sin()).view(-1, 1, 8, 8)
        return images


def test_a_generator_without_such_a_layer_is_refused(run: Run) -> None:
    space = space_of(run)
    space.network = space.core = Warped()
    for method in ("sefa", "pca"):
        with pytest.raises(
            UserError, match="^--method: no linear layer of this generator gets the latents as they are"
        ):
            directions.find(space, method, 2)  # type: ignore[arg-type]


def test_principal_components_by_hand_whichever_side_is_longer() -> None:
    values = torch.tensor([[3.0, 4.0], [-3.0, -4.0], [0.8, -0.6], [-0.8, 0.6]]).double()
    vectors, deviations, shares = principal_components(values, 2)
    torch.testing.assert_close(vectors, torch.tensor([[0.6, 0.8], [0.8, -0.6]]).double())
    torch.testing.assert_close(deviations, torch.tensor([math.sqrt(50 / 3), math.sqrt(2 / 3)]).double())
    torch.testing.assert_close(shares, torch.tensor([50 / 52, 2 / 52]).double())
    wide = torch.randn(5, 30, generator=torch.Generator().manual_seed(0)).double()
    wide -= wide.mean(0)
    found, deviations, shares = principal_components(wide, 10)
    assert len(found) == 4, "five values around their mean span no more"
    assert float(shares.sum()) == pytest.approx(1)
    _, singular, right = torch.linalg.svd(wide, full_matrices=False)
    torch.testing.assert_close((found * right[:4]).sum(1).abs(), torch.ones(4).double())
    torch.testing.assert_close(deviations, singular[:4] / 2)


def test_a_step_moves_activations_along_their_component_by_a_deviation(run: Run) -> None:
    """Of a layer that is all but linear, components follow from its weight: they are those of the closed form."""
    space = space_of(run)
    space.core.hidden[1] = nn.Identity()  # leaves the layer's output as it is
    found = directions.of_activations(space, 4)
    exact = closed_form(space, 4)
    along = nn.functional.cosine_similarity(found.vectors, exact.vectors)
    assert along[0].abs() > 0.9
    torch.testing.assert_close(found.vectors.norm(dim=1), torch.ones(4), atol=0.15, rtol=0)


def test_directions_of_styles_are_those_that_layers_read(styles_run: Run) -> None:
    space = space_of(styles_run)
    found = closed_form(space, 3)
    assert found.styles
    assert found.vectors.shape == (3, 6)
    weights = torch.cat([layer.convolution.style.weight for layer in (*space.core.layers, *space.core.to_images)])
    unit = nn.functional.normalize(found.vectors)
    torch.testing.assert_close((unit @ weights.T).norm(dim=1).double(), found.strengths.sqrt())
    _, apart = space.spread()
    torch.testing.assert_close((apart @ unit.T).std(0), found.vectors.norm(dim=1))
    components = directions.of_styles(space, 3)
    deviations = (apart @ nn.functional.normalize(components.vectors).T).std(0)
    torch.testing.assert_close(deviations, components.vectors.norm(dim=1), rtol=1e-3, atol=1e-6)
    assert deviations.tolist() == sorted(deviations.tolist(), reverse=True)


def sheet_of(run: Run, method: str = "sefa", **options: object) -> directions.Sheet:
    defaults = {
        "directions": 2,
        "steps": 3,
        "extent": 2.0,
        "seed": 5,
        "seeds": [1, 2],
        "layer": None,
        "of_class": None,
    }
    return walk(space_of(run), method, **defaults | options)  # type: ignore[arg-type]


def test_a_sheet_moves_one_image_along_each_direction(run: Run, conditional_run: Run, styles_run: Run) -> None:
    for trained, title in (
        (run, "2 directions in z, up to 2 deviations"),
        (conditional_run, "2 directions in z of class 7, up to 2 deviations"),
        (styles_run, "2 directions in w, up to 2 deviations"),
    ):
        of_class = "7" if trained is conditional_run else None
        sheet = sheet_of(trained, of_class=of_class)
        assert sheet.title == title
        assert sheet.picture.shape == (3, 2 * 10 + 2, 3 * 10 + 2)
        space = space_of(trained)
        shares = space.shares_of([7]) if of_class else None
        (middle,) = space.pixels(space.seeds([5]), shares)
        for row in range(2):
            assert (sheet.picture[0, 10 * row + 2 :, 12:20][:8].int() - middle[0, 0].int()).abs().max() <= 1
    space = space_of(run)
    (moved,) = space.pixels(space.seeds([5]) - 2 * closed_form(space, 1).vectors)
    assert (sheet_of(run).picture[0, 2:10, 2:10].int() - moved[0, 0].int()).abs().max() <= 1
    assert sheet_of(run, "pca").picture.shape == sheet_of(styles_run, "pca").picture.shape


def test_coarse_styles_come_from_rows_and_fine_ones_from_columns(styles_run: Run) -> None:
    space = space_of(styles_run)
    picture = mixed(space, [1, 2], [3, 4], layer=1)
    assert picture.shape == (3, 3 * 10 + 2, 3 * 10 + 2)
    coarse, fine = space.styles(space.seeds([2])), space.styles(space.seeds([3]))
    (expected,) = space.pixels(torch.cat((coarse[:, :1], fine[:, 1:]), 1))
    (left,) = space.pixels(coarse)
    assert (picture[0, 22:30, 12:20].int() - expected[0, 0].int()).abs().max() <= 1
    assert (picture[0, 22:30, 2:10].int() - left[0, 0].int()).abs().max() <= 1
    assert (picture[:, 2:10, 2:10] == 128).all()
    assert sheet_of(styles_run, "mix").title == "2 x 2 mixed styles"
    with pytest.raises(UserError, match="^--layer 4: must be from 1 to 3, since this generator has 4 layers"):
        mixed(space, [1], [2], layer=4)


def test_styles_are_mixed_where_there_are_some(run: Run) -> None:
    with pytest.raises(UserError, match="^--method mix: the generator of this run has no styles to mix"):
        sheet_of(run, "mix")
    with pytest.raises(UserError, match="^--class 3: VanillaGAN knows no classes"):
        sheet_of(run, of_class="3")


def test_styles_of_a_class_are_mixed_and_walked(conditional_styles_run: Run) -> None:
    space = space_of(conditional_styles_run)
    options: dict[str, Any] = {"directions": 2, "steps": 3, "extent": 2.0, "seed": 1, "seeds": [1, 2], "layer": None}
    mixed_seven = walk(space, "mix", of_class="7", **options)
    assert mixed_seven.title == "2 x 2 mixed styles of class 7"
    (own,) = space.pixels(space.seeds([1]), space.shares_of([7]))
    assert alike(mixed_seven.picture[0, 12:20, 2:10], own[0, 0]), "at the left of its row"
    assert alike(mixed_seven.picture[0, 12:20, 12:20], own[0, 0]), "coarse and fine of one seed"
    for method in ("sefa", "pca"):
        sheet = walk(space, method, of_class="7", **options)  # type: ignore[arg-type]
        assert sheet.title == "2 directions in w of class 7, up to 2 deviations"
        assert alike(sheet.picture[0, 2:10, 12:20], own[0, 0]), "in the middle"
