"""Training from plain Python: a composed configuration and a folder, without Hydra's global state."""

from pathlib import Path

import pytest
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig

from gan_lab.callbacks.sample_grid import SampleGrid
from gan_lab.runs.run import Run
from gan_lab.training.train import train
from gan_lab.utils.errors import UserError
from tests.conftest import QUICK, Command, composed, last_weights, same

PLAIN = [argument for argument in QUICK if not argument.startswith("hydra")]


@pytest.fixture(autouse=True)
def no_hydra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    HydraConfig.instance().cfg = None
    assert not GlobalHydra.instance().is_initialized()


def test_a_function_call_trains_twice_in_one_process_as_the_command_does(command: Command) -> None:
    config = composed(*PLAIN)
    for folder in ("first", "second"):
        assert train(config, folder) is None
        assert Run(folder).record()["status"] == "finished"
    assert not HydraConfig.initialized()
    assert command(*QUICK) is None
    assert same(last_weights("first"), last_weights("second"))
    assert same(last_weights("first"), last_weights("run"))


def test_a_run_goes_on_with_its_own_configuration() -> None:
    train(composed(*PLAIN, "trainer.max_steps=4"), "parts")
    config = Run("parts").config()
    config.resume, config.trainer.max_steps = "parts", 6
    train(config, "parts")
    train(composed(*PLAIN), "whole")
    assert same(last_weights("parts"), last_weights("whole"))


@pytest.mark.parametrize(("discard_refused", "left"), [(True, []), (False, ["run"])])
def test_a_refused_run_leaves_nothing_unless_asked_to(discard_refused: bool, left: list[str]) -> None:
    with pytest.raises(UserError, match="lacks train-images-idx3-ubyte"):
        train(composed(*PLAIN, "data.fallback=error"), "runs/run", discard_refused=discard_refused)
    assert [path.name for path in Path().glob("runs/*")] == left
    assert not left or Run("runs/run").record()["status"] == "failed"


@pytest.mark.parametrize(("debug", "kind"), [(True, RuntimeError), (False, UserError)])
def test_an_unexpected_error_is_one_line_unless_debugging(
    debug: bool, kind: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the cable fell out")

    monkeypatch.setattr(SampleGrid, "save_grid", broken)
    with pytest.raises(kind, match="the cable fell out"):
        train(composed(*PLAIN), "run", debug=debug)
    assert (Path("run") / "crash.txt").exists()
