from pathlib import Path

import pytest

from gan_lab.cli import main
from gan_lab.runs import hub
from gan_lab.runs.run import Run
from tests.runs.test_hub import FakeHub


def test_a_run_is_published_and_drawn_from(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeHub(tmp_path / "hub")
    monkeypatch.setattr(hub, "client", lambda chosen: fake)
    main(["publish", str(run.folder), "--to", "hf://me/mine", "--licence", "mit"])
    page = "https://huggingface.co/me/mine"
    assert capsys.readouterr().out == f"README.md, config.json, grid.png, model.safetensors: {page}\n"
    assert b"license: mit" in fake.repositories["me/mine"]["README.md"]
    main(["sample", "hf://me/mine", "--count", "4", "--out", str(tmp_path / "a.png")])
    assert (tmp_path / "a.png").is_file()


def test_nothing_is_made_before_the_address_and_the_client_are_known(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "open", lambda folder: pytest.fail("opened"))
    with pytest.raises(SystemExit, match="--to|mine: is no address of the hub"):
        main(["publish", "run", "--to", "mine"])
    monkeypatch.setattr("gan_lab.utils.extras.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match=r"--to hf://me/mine: needs a package .*\[hub\]"):
        main(["publish", "run", "--to", "hf://me/mine"])
