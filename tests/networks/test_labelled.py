import pytest
import torch
from torch import Tensor, nn

from gan_lab.networks import biggan, labelled, mlp
from tests.networks.players import make_stylegan2

SIZE = 8


class Recorder(nn.Module):
    """Keeps the last input; returns it, or its mean."""

    def __init__(self, images: bool) -> None:
        super().__init__()
        self.images = images

    def forward(self, inputs: Tensor) -> Tensor:
        self.last = inputs
        return inputs if self.images else inputs.flatten(1).mean(1, keepdim=True)


def test_the_generator_gets_the_label_one_hot_behind_the_latent() -> None:
    generator = labelled.LabelledGenerator(Recorder(images=True), num_classes=3)
    inputs = generator(torch.tensor([[0.5, -1.0], [2.0, 3.0]]), torch.tensor([2, 0]))
    assert inputs.tolist() == [[0.5, -1.0, 0, 0, 1], [2.0, 3.0, 1, 0, 0]]


def test_styles_of_latents_without_a_label_are_refused() -> None:
    generator, _ = make_stylegan2(mixing=0.5)
    with pytest.raises(ValueError, match="set model.network.generator.mixing=0"):
        labelled.LabelledGenerator(generator, num_classes=3)


def test_the_concat_discriminator_gets_the_classs_plane_as_the_last_channel() -> None:
    inner = Recorder(images=False)
    discriminator = labelled.ConcatDiscriminator(inner, num_classes=3, image_size=SIZE)
    images, labels = torch.randn(2, 1, SIZE, SIZE), torch.tensor([2, 0])
    assert discriminator(images, labels).shape == (2, 1)
    assert torch.equal(inner.last[:, :1], images)
    assert torch.equal(inner.last[:, 1].flatten(1), discriminator.planes.weight[labels])


def test_projection_by_hand() -> None:
    """C(x, y) = output(features(x)) + <v_y, features(x)>."""
    torch.manual_seed(0)
    plain = mlp.Discriminator(hidden=[5], norm="none", image_size=SIZE, channels=1)
    conditional = labelled.ProjectionDiscriminator(plain, num_classes=3, image_size=SIZE, channels=1)
    images, labels = torch.randn(4, 1, SIZE, SIZE), torch.tensor([2, 0, 1, 2])
    features = plain.features(images)
    expected = plain.output(features)[:, 0] + torch.stack(
        [conditional.vectors.weight[label] @ row for label, row in zip(labels, features, strict=True)]
    )
    torch.testing.assert_close(conditional(images, labels)[:, 0], expected)


def test_projection_needs_features() -> None:
    with pytest.raises(ValueError, match="set model/conditioning=concat"):
        labelled.ProjectionDiscriminator(nn.Flatten(), num_classes=2, image_size=SIZE, channels=1)


def test_projection_is_bounded_where_the_rest_is() -> None:
    plain = mlp.Discriminator(hidden=[5], norm="spectral", image_size=SIZE, channels=1)
    conditional = labelled.ProjectionDiscriminator(plain, num_classes=3, image_size=SIZE, channels=1)
    for _ in range(30):
        conditional(torch.randn(2, 1, SIZE, SIZE), torch.tensor([0, 1]))
    assert torch.linalg.matrix_norm(conditional.vectors.weight, 2).item() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_a_conditional_discriminator_says_of_its_batch_what_the_plain_one_says(norm: str) -> None:
    plain = mlp.Discriminator(hidden=[5], norm=norm, image_size=SIZE, channels=1)
    projection = labelled.ProjectionDiscriminator(plain, num_classes=3, image_size=SIZE, channels=1)
    concat = labelled.ConcatDiscriminator(plain, num_classes=3, image_size=SIZE)
    assert projection.batch_independent == concat.batch_independent == (norm == "layer")


def test_counting_features_leaves_a_discriminator_as_it_was() -> None:
    plain = mlp.Discriminator(hidden=[5], norm="batch", image_size=SIZE, channels=1).train()
    before = plain.features[2].running_mean.clone()
    assert labelled.count_features(plain, SIZE, 1) == 5
    assert plain.training
    assert torch.equal(plain.features[2].running_mean, before)


def test_players_that_take_labels_stay_as_they_are() -> None:
    player = biggan.Discriminator(width=2, num_classes=3, image_size=32, channels=1).eval()
    native = labelled.Native(player)
    images, labels = torch.randn(2, 1, 32, 32), torch.tensor([0, 2])
    assert torch.equal(native(images, labels), player(images, labels))
    assert native.batch_independent


def test_players_with_and_without_labels_are_told_apart() -> None:
    with pytest.raises(ValueError, match="set model/network=biggan, or model/conditioning=concat"):
        labelled.Native(nn.Flatten())
    sizes = {"latent_dim": 4, "width": 2, "embedding_dim": 2, "num_classes": 3, "image_size": 32, "channels": 1}
    with pytest.raises(ValueError, match="set model/conditioning=native"):
        labelled.LabelledGenerator(biggan.Generator(**sizes), num_classes=3)


def test_several_attributes_are_one_hot_behind_each_other() -> None:
    generator = labelled.LabelledGenerator(Recorder(images=True), num_classes=[2, 3])
    inputs = generator(torch.tensor([[0.5], [2.0]]), torch.tensor([5, 1]))
    assert inputs.tolist() == [[0.5, 0, 1, 0, 0, 1], [2.0, 1, 0, 0, 1, 0]]


def test_vectors_and_planes_of_several_attributes_are_added() -> None:
    torch.manual_seed(0)
    labels = torch.tensor([0, 4, 5])  # (0, 0), (1, 1), (1, 2)
    rows = torch.tensor([[0, 2], [1, 3], [1, 4]])
    embedding = labelled.Embedding([2, 3], 7)
    torch.testing.assert_close(embedding(labels), embedding.weight[rows].sum(1))
    inner = Recorder(images=False)
    discriminator = labelled.ConcatDiscriminator(inner, num_classes=[2, 3], image_size=SIZE)
    discriminator(torch.randn(3, 1, SIZE, SIZE), labels)
    torch.testing.assert_close(inner.last[:, 1].flatten(1), discriminator.planes.weight[rows].sum(1))
    plain = mlp.Discriminator(hidden=[5], norm="spectral", image_size=SIZE, channels=1)
    projection = labelled.ProjectionDiscriminator(plain, num_classes=[2, 3], image_size=SIZE, channels=1)
    assert projection(torch.randn(3, 1, SIZE, SIZE), labels).shape == (3, 1)


def test_one_attribute_alone_is_plain_classes_and_plain_classes_have_torchs_own_embedding() -> None:
    labels = torch.tensor([2, 0, 1])
    torch.manual_seed(0)
    plain, own = labelled.Embedding(3, 4), labelled.Embedding([3], 4)
    torch.manual_seed(0)
    assert torch.equal(plain(labels), nn.Embedding(3, 4)(labels))
    own.load_state_dict(plain.state_dict())
    assert torch.equal(plain(labels), own(labels))


def test_shares_of_combinations_are_shares_of_their_attributes() -> None:
    shares = torch.tensor([[0.5, 0, 0, 0, 0.25, 0.25]])  # of (0, 0), (1, 1) and (1, 2)
    assert labelled.one_hot(shares, [2, 3]).tolist() == [[0.5, 0.5, 0.5, 0.25, 0.25]]
    embedding = labelled.Embedding([2, 3], 4)
    expected = 0.5 * embedding(torch.tensor([0])) + 0.25 * embedding(torch.tensor([4, 5])).sum(0)
    torch.testing.assert_close(embedding(shares), expected)


def test_shares_of_classes_take_the_place_of_labels() -> None:
    generator = labelled.LabelledGenerator(Recorder(images=True), num_classes=3)
    latents = torch.tensor([[0.5, -1.0], [2.0, 3.0]])
    inputs = generator(latents, torch.tensor([[0.25, 0.0, 0.75], [0.0, 1.0, 0.0]]))
    assert inputs.tolist() == [[0.5, -1.0, 0.25, 0, 0.75], [2.0, 3.0, 0, 1, 0]]
    assert torch.equal(generator.joined(latents, torch.tensor([2, 1]))[1], inputs[1])
    assert generator.blends_labels
    assert not labelled.Native(TakesLabels()).blends_labels


class TakesLabels(nn.Module):
    takes_labels = True
