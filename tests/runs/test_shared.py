import json
from pathlib import Path

import pytest
import torch

import gan_lab
from gan_lab.runs import shared
from gan_lab.runs.names import CONFIG, WEIGHTS, folder_of, is_shared
from gan_lab.runs.run import Run
from gan_lab.utils import hashes
from gan_lab.utils.errors import UserError
from tests.conftest import full_disk, untrained

GRID = b"\x89PNG..."


@pytest.fixture
def given(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that someone has given away, of a vanilla GAN; nothing has been unpacked to the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return give(run, tmp_path / "given")


def give(run: Run, folder: Path) -> Path:
    model = untrained(run)
    tensors = {f"generator.{name}": value for name, value in model.generator.state_dict().items()}
    run.update_record(
        images_seen=640, host="mine", command="train.py data.root=/home/me", data={"source": "/home/me/x"}
    )
    folder.mkdir()
    for name, content in shared.content("first", "raw", run.config(), run.record(), tensors, GRID).items():
        (folder / name).write_bytes(content)
    return folder


def change(folder: Path, *, checksum: bool = True, **values: object) -> None:
    """Change the configuration as someone would who knows how the checksum is made, or doesn't."""
    told = json.loads((folder / CONFIG).read_text()) | values
    if checksum:
        told["checksum"] = hashes.of_values({name: value for name, value in told.items() if name != "checksum"})
    (folder / CONFIG).write_text(json.dumps(told))


def test_a_given_model_draws_the_same_images(run: Run, given: Path) -> None:
    expected = gan_lab.load(run.folder).sample(8, weights="raw")
    loaded = gan_lab.load(given)
    assert loaded.folder.name == "first"
    assert torch.equal(loaded.sample(8), expected)  # there is no other average than the generator itself
    assert loaded.record["images_seen"] == 640
    assert folder_of(given) == loaded.folder, "unpacked once"


def test_nothing_is_told_of_the_machine(given: Path) -> None:
    text = (given / CONFIG).read_text()
    assert "/home" not in text
    assert '"mine"' not in text
    told = json.loads(text)
    assert set(told["configuration"]) == set(shared.PARTS)
    assert "command" not in told["record"]
    assert told["record"]["data"]["source"] == "x"


def test_a_picture_comes_along(given: Path) -> None:
    assert (folder_of(given) / "samples" / "000000640.png").read_bytes() == GRID


def test_opening_draws_no_random_numbers(given: Path) -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    folder_of(given)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("name", [WEIGHTS, shared.GRID])
def test_a_damaged_file_is_refused(name: str, given: Path) -> None:
    content = bytearray((given / name).read_bytes())
    content[-1] ^= 1
    (given / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name} is damaged: its sha256 is not the one in config.json"):
        gan_lab.load(given)
    (given / name).write_bytes(content[:-1])
    with pytest.raises(UserError, match=f"{name} is damaged"):
        gan_lab.load(given)


def test_a_damaged_configuration_is_refused(given: Path) -> None:
    change(given, checksum=False, name="other")
    with pytest.raises(UserError, match=r"config\.json is damaged: its checksum is wrong"):
        gan_lab.load(given)
    (given / CONFIG).write_text((given / CONFIG).read_text()[:-20])
    with pytest.raises(UserError, match="is no model of gan_lab's, or a damaged one"):
        gan_lab.load(given)


@pytest.mark.parametrize(
    "values",
    [{"format": "other"}, {"version": 2}, {"name": "../x"}, {"files": {"../x": {}}}, {"more": 1}, {"record": {}}],
)
def test_what_is_no_model_is_refused(values: dict[str, object], given: Path) -> None:
    change(given, **values)
    with pytest.raises(UserError, match="is no model of gan_lab's, or a damaged one"):
        gan_lab.load(given)


@pytest.mark.parametrize("target", ["os.system", "subprocess.Popen", "gan_lab.utils.files.append", "torch.hub.load"])
def test_a_configuration_names_nothing_but_what_is_allowed(target: str, given: Path, tmp_path: Path) -> None:
    configuration = json.loads((given / CONFIG).read_text())["configuration"]
    configuration["model"]["objective"] = {"_target_": target, "command": f"touch {tmp_path}/executed"}
    change(given, configuration=configuration)
    with pytest.raises(UserError, match=f"model.objective._target_={target}: not a class that a configuration may"):
        gan_lab.load(given)
    assert not (tmp_path / "executed").exists()


def test_a_configuration_refers_to_nothing_outside_itself(given: Path) -> None:
    configuration = json.loads((given / CONFIG).read_text())["configuration"]
    configuration["seed"] = "${oc.env:HOME}"
    change(given, configuration=configuration)
    with pytest.raises(UserError, match="a saved configuration may refer to its own values only"):
        gan_lab.load(given)


def test_weights_that_do_not_fit_are_refused(given: Path) -> None:
    configuration = json.loads((given / CONFIG).read_text())["configuration"]
    configuration["model"]["latent_dim"] = configuration["model"]["network"]["generator"]["latent_dim"] = 5
    change(given, configuration=configuration)
    with pytest.raises(UserError, match=r"^(?!init_from).*given: does not fit this model: generator\."):
        gan_lab.load(given)


def test_a_full_disk_leaves_nothing(given: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "write_atomically", full_disk)
    with pytest.raises(UserError, match="can't be unpacked to .*: No space left on device"):
        folder_of(given)
    monkeypatch.undo()
    assert is_shared(given)


def test_a_name_that_is_none_is_replaced() -> None:
    assert [shared.safe_name(name) for name in ("a b", "ä/ö", "..", "latest")] == ["a b", "model", "model", "model"]


def test_a_run_begins_with_given_weights(run: Run, given: Path) -> None:
    from gan_lab.runs import initial_weights

    weights = initial_weights.read(str(given))
    assert set(weights) == {f"generator.{name}" for name in untrained(run).generator.state_dict()}
    sources = initial_weights.put_into(untrained(run), weights, str(given))
    assert sources["discriminator"] == "a new beginning"
