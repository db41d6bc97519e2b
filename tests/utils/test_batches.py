import pytest
import torch

from gan_lab.utils.batches import Batch, LabelledImages, TwoDomains, map_tensors
from tests.conftest import TinyImages, fit, tiny_gan


@pytest.mark.parametrize("kind", [LabelledImages, TwoDomains])
def test_mapping_reaches_each_tensor_and_keeps_the_type(kind: type[Batch]) -> None:
    batch = map_tensors(lambda part: part + 1, kind(torch.tensor([1, 2]), torch.tensor([3])))
    assert type(batch) is kind
    assert [part.tolist() for part in batch] == [[2, 3], [4]]


def test_a_batch_keeps_its_type_on_the_way_to_the_model() -> None:
    model, kinds = tiny_gan(), []
    unpack = model.unpack_batch
    model.unpack_batch = lambda batch: kinds.append(type(batch)) or unpack(batch)  # type: ignore[func-returns-value]
    fit(model, TinyImages(), max_steps=2)
    assert kinds == [LabelledImages] * 2


def test_the_wrong_batch_is_refused_with_the_way_out() -> None:
    images = torch.zeros(2, 1, 8, 8)
    with pytest.raises(ValueError, match="images of two domains, which model=cyclegan translates; choose data=mnist"):
        tiny_gan().unpack_batch(TwoDomains(images, images))
