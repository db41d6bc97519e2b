import torch

from tests.data.test_paired import Numbers


def test_pictures_become_sources_and_translations_pictures_before_anything_is_loaded() -> None:
    data = Numbers()
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).reshape(1, 1, 1, 3)
    torch.testing.assert_close(data.to_source(pixels).flatten(), torch.tensor([-1.0, -0.6, 1.0]))
    translated = torch.rand(2, 1, 4, 4)
    assert torch.equal(data.render(torch.rand(2, 3, 4, 4), translated), translated)
    assert not data.splits


def test_a_side_that_is_the_other_is_held_once() -> None:
    data = Numbers()
    first, _ = data.load("train")
    data.load = lambda split: (first, first)
    data.setup("fit")
    source, target = data.splits["train"]
    assert source.images.data_ptr() == target.images.data_ptr()
    assert len(data.contents) == 1


def test_training_images_may_be_larger_than_those_for_testing() -> None:
    data = Numbers()
    height, width = data.image_size
    data.load_size = height + 10, width + 20  # of which `fit` adds no border
    data.setup("fit")
    data.setup("test")
    sizes = {split: {pixels.shape[-2:] for pixels, _ in sides} for split, sides in data.splits.items()}
    assert sizes == {"train": {data.load_size}, "test": {data.image_size}}
