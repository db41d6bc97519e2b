import io

import numpy as np
import pytest
import torch

from gan_lab.evaluation.translation import Translation
from gan_lab.sharing.served import ENDING, Drawer, Translator, served
from gan_lab.utils.errors import UserError
from tests.sharing.conftest import MakeRun


def _array(values: torch.Tensor) -> bytes:
    """A .npy file of whole numbers."""
    content = io.BytesIO()
    np.save(content, values.numpy().astype(np.uint16))
    return content.getvalue()


def test_what_a_run_generates_from_decides(make: MakeRun) -> None:
    assert isinstance(served(make("vanilla"), device="cpu"), Drawer)
    translator = served(make("cyclegan", name="cyclegan"), device="cpu")
    assert isinstance(translator, Translator)
    assert list(translator.directions) == ["a2b", "b2a"]


def test_facts_tell_what_the_page_needs(make: MakeRun) -> None:
    run = make("infogan")
    told = served(run, device="cpu").facts()
    assert (told["name"], told["seen"], told["classes"]) == ("run", 640, [str(number) for number in range(10)])
    assert (told["latent"], told["uniform"], told["truncation"], told["deep"]) == (6, 2, 3.0, False)
    styles = served(make("stylegan2", name="styles"), device="cpu").facts()
    assert (styles["classes"], styles["truncation"], styles["ending"]) == ([], 1.0, ".png")


def test_a_class_has_its_name(make: MakeRun) -> None:
    run = make("cgan")
    run.update_record(data={"classes": ["cat", "dog"]})
    assert served(run, device="cpu").facts()["classes"] == ["cat", "dog"]


def test_what_is_asked_wrongly_is_named(make: MakeRun) -> None:
    drawer = served(make("cgan"), device="cpu")
    assert isinstance(drawer, Drawer)
    with pytest.raises(ValueError, match="a latent has 4 numbers"):
        drawer.image({"latent": [1.0], "label": 3})
    for label in (10, None):
        with pytest.raises(ValueError, match=f"there is no class {label}"):
            drawer.image({"latent": [1.0] * 4, "label": label})


def test_many_channels_are_shown_by_three_and_kept_whole(make_deep: MakeRun) -> None:
    drawer = served(make_deep("channels"), device="cpu")
    assert isinstance(drawer, Drawer)
    assert (drawer.ending, drawer.facts()["deep"], drawer.depth.dtype) == (".tif", True, torch.uint8)
    asked = {"latent": [0.5] * 4, "label": None}
    assert drawer.image(asked)[1:4] == b"PNG"
    assert drawer.file(asked)[:2] in (b"II", b"MM")


def test_a_translation_and_its_file_are_computed_once(make_deep: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    translator = served(make_deep("slices"), device="cpu")
    assert isinstance(translator, Translator)
    computed: list[torch.Tensor] = []
    one = Translation.one
    monkeypatch.setattr(Translation, "one", lambda *given: computed.append(one(*given)) or computed[-1])
    first, other = (_array(torch.full((16, 16), value)) for value in (10, 4000))
    for part in ("picture", "source", "file"):
        translator.translated(first, "a2b", "slice.npy", part)
    assert len(computed) == 1
    assert translator.translated(other, "a2b", "slice.npy", "file") != translator.translated(
        first, "a2b", "slice.npy", "file"
    )
    assert len(computed) == 3


@pytest.mark.parametrize(
    ("name", "ending"),
    [("a.PNG", ".png"), ("my.slice.npy", ".npy"), ("head.nii.gz", ".nii.gz"), ("none", None), ("../..", None)],
)
def test_the_ending_alone_is_taken_of_a_name(name: str, ending: str | None) -> None:
    found = ENDING.search(name.lower())
    assert (found and found.group()) == ending


def test_a_missing_checkpoint_is_a_line(make: MakeRun) -> None:
    run = make("vanilla")
    run.checkpoint.unlink()
    with pytest.raises(UserError, match="checkpoint"):
        served(run, device="cpu")
