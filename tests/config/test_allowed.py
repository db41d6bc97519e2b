"""Names in configurations: only those of classes that may be instantiated lead anywhere."""

import subprocess

import pytest

from gan_lab.config import allowed
from gan_lab.config.allowed import resolve
from gan_lab.config.schema import build
from gan_lab.models.dcgan import DCGAN
from gan_lab.utils.errors import UserError
from tests.config.test_schema import problems
from tests.conftest import composed


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "builtins.eval",
        "subprocess.Popen",
        "gan_lab.runs.run.subprocess.Popen",
        "gan_lab.runs.run.os.system",
        "gan_lab.config.allowed.import_module",
        "gan_lab.utils.files.write_atomically",
        "torch.load",
        "torch.optim.adam.torch.load",
        "lightning.pytorch.callbacks.nothing",
        "gan_lab.models.nothing.Nothing",
        "gan_lab",
        "",
        "3",
    ],
)
def test_only_classes_of_known_packages_may_be_named(target: str) -> None:
    with pytest.raises(UserError, match="not a class that a configuration may instantiate"):
        resolve(target, "model._target_")
    found = problems(f"model._target_='{target}'")
    assert len(found) == 1
    assert found[0].startswith(f"model._target_={target}: not a class")


def test_an_alias_is_judged_by_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "Alias", subprocess.Popen, raising=False)
    with pytest.raises(UserError, match="gan_lab.config.allowed.Alias: not a class"):
        resolve("gan_lab.config.allowed.Alias", "model._target_")
    assert resolve("gan_lab.models.dcgan.DCGAN", "") is DCGAN


def test_nothing_is_imported_for_a_foreign_name(monkeypatch: pytest.MonkeyPatch) -> None:
    imported: list[str] = []
    monkeypatch.setattr(allowed, "import_module", imported.append)
    with pytest.raises(UserError):
        resolve("stranger.payload.Class", "model._target_")
    assert imported == []


def test_a_package_of_torchs_is_trusted_where_the_environment_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    extractor = (
        "callbacks.scores.extractor={_target_: gan_lab.metrics.extractors.Custom, size: 28, channels: 1, "
        "antialias: true, module: {_target_: torch.nn.AvgPool2d, kernel_size: 2}}"
    )
    (refused,) = problems(extractor)
    assert "torch.nn.AvgPool2d: not a class that a configuration may instantiate" in refused
    monkeypatch.setattr(allowed, "TRUSTED", {"gan_lab", "torch.nn"})
    assert problems(extractor) == []
    assert build(composed(extractor).callbacks.scores.extractor).num_features == 14 * 14
    with pytest.raises(UserError, match="torch.load: not a class"):
        resolve("torch.load", "model._target_")
