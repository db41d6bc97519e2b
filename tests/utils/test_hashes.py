from hashlib import sha256
from pathlib import Path

import torch

from gan_lab.utils import hashes


def test_values_shape_and_type_make_the_hash() -> None:
    tensor = torch.arange(6, dtype=torch.uint8)
    assert hashes.of_tensors(tensor) == hashes.of_tensors(tensor.clone())
    others = [tensor.reshape(2, 3), tensor.long(), tensor.flip(0), torch.zeros(0, dtype=torch.uint8)]
    assert len({hashes.of_tensors(other) for other in [tensor, *others]}) == 5
    assert hashes.of_tensors(tensor[::2]) == hashes.of_tensors(tensor[::2].contiguous())


def test_the_order_of_names_does_not_matter() -> None:
    assert hashes.of_values({"a": 1, "b": None}) == hashes.of_values({"b": None, "a": 1})
    assert hashes.of_values({"a": 1}) != hashes.of_values({"a": "1"})


def test_a_files_hash_is_that_of_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    assert hashes.of_file(tmp_path / "a") == sha256(b"content").hexdigest()
