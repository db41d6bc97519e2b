from pathlib import Path

import pytest

from gan_lab.cli import main
from gan_lab.runs.run import Run
from gan_lab.utils import images
from tests.conftest import full_disk, read_image


def test_a_sheet_of_directions_is_the_default(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    main(["walk", "run"])
    assert read_image(Path("walk.png")).shape == (3, 4 * 10 + 2, 7 * 10 + 2)
    assert capsys.readouterr().out == "4 directions in z, up to 3 deviations: walk.png\n"


@pytest.mark.parametrize("method", ["sefa", "pca", "mix"])
def test_styles_have_directions_and_mix(method: str, styles_run: Run) -> None:
    main(["walk", "styles", "--method", method, "--directions", "2", "--steps", "3", "--truncation", "0.5"])
    shape = (3, 7 * 10 + 2, 7 * 10 + 2) if method == "mix" else (3, 2 * 10 + 2, 3 * 10 + 2)
    assert read_image(Path("walk.png")).shape == shape


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--out", "walk.gif"), "--out walk.gif: unknown format .gif; a sheet is a .png"),
        (("--out", "exists.png"), "--out exists.png: exists already"),
        (("--method", "mix"), "--method mix: the generator of this run has no styles to mix"),
        (("--class", "3"), "--class 3: VanillaGAN knows no classes"),
        (("--device", "abacus"), "--device abacus: not on this machine"),
    ],
)
def test_wrong_requests_change_nothing(options: tuple[str, ...], message: str, run: Run, tmp_path: Path) -> None:
    Path("exists.png").write_text("precious")
    before = {*tmp_path.rglob("*")}
    with pytest.raises(SystemExit) as ending:
        main(["walk", "run", *options])
    assert str(ending.value.code).startswith(f"Error: {message}")
    assert {*tmp_path.rglob("*")} == before


def test_a_full_disk_leaves_nothing(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {*tmp_path.rglob("*")}
    monkeypatch.setattr(images, "save_png", full_disk)
    with pytest.raises(SystemExit, match=r"--out \S+walk.png: can't be written: No space left on device"):
        main(["walk", "run"])
    assert {*tmp_path.rglob("*")} == before
