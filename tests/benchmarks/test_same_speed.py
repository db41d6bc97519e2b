"""Two checkouts take turns, and what each of them says is put in relation."""

from pathlib import Path

import pytest

from benchmarks import same_speed

SLOWER_AND_SLOWER = """
class Option:
    def __init__(self, name, precision):
        assert precision == "32-true"

class Training:
    def __init__(self, model, option, overrides):
        self.rate = {rate}
        print("what a library says")

    def round(self, batches):
        assert batches == 30
        self.rate /= 2
        return self.rate
"""


def checkout(folder: Path, rate: str) -> Path:
    (folder / "benchmarks").mkdir(parents=True)
    (folder / "benchmarks/__init__.py").touch()
    (folder / "benchmarks/precisions.py").write_text(SLOWER_AND_SLOWER.format(rate=rate))
    return folder


def test_a_ratio_is_of_rounds_beside_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_speed, "HERE", checkout(tmp_path / "here", "80.0"))
    other = checkout(tmp_path / "other", "60.0")
    assert same_speed.ratios(other, "dcgan", rounds=3) == [0.75] * 3


def test_a_checkout_that_can_not_train_is_no_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(same_speed, "HERE", checkout(tmp_path / "here", "80.0"))
    with pytest.raises(ChildProcessError, match="no rate"):
        same_speed.ratios(checkout(tmp_path / "other", "nothing"), "dcgan", rounds=3)
