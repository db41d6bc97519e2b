import pytest
import torch

from gan_lab.utils.errors import fail, nearest, reason


@pytest.mark.parametrize(
    ("name", "names", "hint"),
    [
        ("dcgann", ["dcgan", "mlp"], "Did you mean dcgan?"),
        ("DCGAN", ["Dcgan", "mlp"], "Did you mean Dcgan?"),
        ("xyz", ["b", "a"], "Available: a, b."),
        ("xyz", [], "None is available."),
    ],
)
def test_a_hint_names_what_is_near_or_all(name: str, names: list[str], hint: str) -> None:
    assert nearest(name, names) == hint


def test_a_reason_is_a_few_words() -> None:
    assert reason(EOFError()) == "it is empty or ends too early"
    assert reason(ValueError("first\nsecond")) == "first"
    assert reason(ValueError()) == "ValueError"


def test_a_file_that_could_run_code_is_called_that(tmp_path: object) -> None:
    file = f"{tmp_path}/model.pt"
    torch.save(pytest.raises, file)
    with pytest.raises(Exception, match="Weights only load failed") as refused:
        torch.load(file, weights_only=True)
    assert reason(refused.value) == "it holds more than tensors and plain values, and such a file could run code"


def test_failing_ends_the_program_with_a_message() -> None:
    with pytest.raises(SystemExit) as ending:
        fail("too late")
    assert ending.value.code == "Error: too late"
