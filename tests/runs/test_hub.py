import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import gan_lab
from gan_lab.runs import hub, initial_weights
from gan_lab.runs.names import CONFIG, WEIGHTS, is_address
from gan_lab.runs.run import Run
from gan_lab.sharing.export import Wanted, published
from gan_lab.utils.errors import UserError
from tests.conftest import alike


class EntryNotFoundError(Exception):
    """The hub's, of a file that isn't there."""

    __module__ = "huggingface_hub.errors"


class FakeHub:
    """Stands in for the package huggingface_hub: repositories are dicts of files."""

    def __init__(self, cache: Path) -> None:
        self.cache = cache
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.commits = 0
        self.fails: Exception | None = None
        self.asked: list[tuple[str, str | None]] = []

    def HfApi(self) -> "FakeHub":  # noqa: N802
        return self

    def repo_exists(self, repo_id: str) -> bool:
        if self.fails:
            raise self.fails
        return repo_id in self.repositories

    def list_repo_files(self, repo_id: str) -> list[str]:
        return list(self.repositories[repo_id])

    def create_repo(self, repo_id: str, *, private: bool, exist_ok: bool) -> None:
        assert exist_ok
        self.repositories.setdefault(repo_id, {".gitattributes": b""})
        self.private = private

    def upload_folder(self, *, repo_id: str, folder_path: str, allow_patterns: list[str], commit_message: str) -> None:
        assert {path.name for path in Path(folder_path).iterdir()} == set(allow_patterns)
        self.repositories[repo_id] |= {path.name: path.read_bytes() for path in Path(folder_path).iterdir()}
        self.commits += 1

    def hf_hub_download(self, *, repo_id: str, filename: str, revision: str | None) -> str:
        self.asked.append((filename, revision))
        if self.fails:
            raise self.fails
        if filename not in self.repositories.get(repo_id, {}):
            raise EntryNotFoundError(f"404: {filename} is not in {repo_id}\nmore lines")
        file = self.cache / repo_id.replace("/", "--") / filename
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(self.repositories[repo_id][filename])
        return str(file)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made = FakeHub(tmp_path / "hub")
    monkeypatch.setattr(hub, "client", lambda chosen: made)
    return made


ADDRESS = "hf://somebody/digits"


def publish(run: Run, **options: Any) -> str:
    return hub.upload(
        ADDRESS, published(run, Wanted(form="safetensors"), ADDRESS), **{"private": False, "force": False} | options
    )


def test_what_is_published_can_be_loaded_and_sampled(run: Run, fake: FakeHub) -> None:
    assert publish(run) == "https://huggingface.co/somebody/digits"
    assert set(fake.repositories["somebody/digits"]) == {
        ".gitattributes",
        "README.md",
        "config.json",
        WEIGHTS,
        "grid.png",
    }
    assert fake.commits == 1, "all of it or nothing"
    loaded = gan_lab.load(ADDRESS)
    for weights in ("ema", "raw"):
        expected = gan_lab.load(run.folder).sample(8, weights=weights)  # type: ignore[arg-type]
        assert alike(loaded.sample(8, weights=weights), expected)  # type: ignore[arg-type]


def test_a_revision_is_asked_for(run: Run, fake: FakeHub) -> None:
    publish(run)
    gan_lab.load(f"{ADDRESS}@v1.0")
    assert {revision for _, revision in fake.asked} == {"v1.0"}


def test_a_run_begins_with_all_players_of_a_published_one(run: Run, fake: FakeHub) -> None:
    publish(run)
    weights = initial_weights.read(ADDRESS)
    assert {name.partition(".")[0] for name in weights} == {"generator", "discriminator", "generator_ema"}


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, "grid.png"])
def test_a_damaged_download_is_refused(name: str, run: Run, fake: FakeHub) -> None:
    publish(run)
    content = fake.repositories["somebody/digits"][name]
    fake.repositories["somebody/digits"][name] = content[: len(content) // 2]
    with pytest.raises(UserError, match=r"^hf://somebody/digits: .*damaged"):
        gan_lab.load(ADDRESS)
    if name != "grid.png":
        with pytest.raises(UserError, match="damaged"):
            initial_weights.read(ADDRESS)


def test_only_the_listed_files_are_asked_for(run: Run, fake: FakeHub) -> None:
    publish(run)
    fake.repositories["somebody/digits"]["model.pkl"] = b"cos\nsystem"
    gan_lab.load(ADDRESS)
    assert {name for name, _ in fake.asked} == {CONFIG, WEIGHTS, "grid.png"}


def test_a_repository_of_something_else_is_left_alone(run: Run, fake: FakeHub) -> None:
    fake.repositories["somebody/digits"] = {"thesis.tex": b"precious"}
    with pytest.raises(UserError, match=r"--to hf://somebody/digits: holds other files \(thesis.tex\)"):
        publish(run)
    assert fake.commits == 0
    publish(run, force=True)
    publish(run)  # what gan_lab has put there is brought up to date
    assert fake.repositories["somebody/digits"]["thesis.tex"] == b"precious"


def test_a_model_of_another_program_is_left_alone(run: Run, fake: FakeHub) -> None:
    theirs = {CONFIG: b'{"architectures": ["BertModel"]}', WEIGHTS: b"precious"}
    fake.repositories["somebody/digits"] = dict(theirs)
    with pytest.raises(UserError, match=r"holds other files \(config\.json, model\.safetensors\)"):
        publish(run)
    assert fake.repositories["somebody/digits"] == theirs


def test_a_new_repository_may_be_private(run: Run, fake: FakeHub) -> None:
    publish(run, private=True)
    assert fake.private


def failing(name: str, text: str, module: str = "huggingface_hub.errors") -> Exception:
    error: Exception = type(name, (Exception,), {"__module__": module})(text)
    return error


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            failing("RepositoryNotFoundError", "401 Client Error.\n\nRepository Not Found"),
            "not logged in, or there is no",
        ),
        (failing("LocalTokenNotFoundError", "Token is required"), "not logged in"),
        (failing("LocalEntryNotFoundError", "Can't reach the hub"), "Can't reach the hub"),
        (failing("ConnectError", "Name or service not known", "httpx"), "Name or service not known"),
        (failing("ConnectError", "Name or service not known", "httpx2"), "Name or service not known"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_what_the_hub_complains_of_is_one_line(error: Exception, line: str, run: Run, fake: FakeHub) -> None:
    files = published(run, Wanted(form="safetensors"), ADDRESS)
    fake.fails = error
    for attempt in (
        lambda: gan_lab.load(ADDRESS),
        lambda: hub.upload(ADDRESS, files, private=False, force=False),
    ):
        with pytest.raises(UserError, match=line) as raised:
            attempt()
        assert "\n" not in str(raised.value)
        assert ADDRESS in str(raised.value)


def test_a_repository_without_a_model_is_told(fake: FakeHub) -> None:
    with pytest.raises(UserError, match=r"hf://somebody/digits: there is no model of gan_lab's: 404"):
        gan_lab.load(ADDRESS)


def test_a_defect_stays_one(run: Run, fake: FakeHub) -> None:
    fake.fails = ZeroDivisionError("a defect")
    with pytest.raises(ZeroDivisionError):
        gan_lab.load(ADDRESS)


@pytest.mark.parametrize("address", ["hf://", "hf://name", "hf://a/b/c", "hf://a/../b", "hf://a/b@", "hf://a b/c"])
def test_what_is_no_address_is_refused(address: str) -> None:
    assert is_address(address)
    with pytest.raises(UserError, match="is no address of the hub; write hf://user/name"):
        hub.parsed(address)


def test_a_path_has_lost_a_slash() -> None:
    assert hub.parsed(Path("hf://user/name@main")) == ("user/name", "main")
    assert is_address(Path("hf://user/name"))
    assert not is_address("hf")


def test_a_revision_is_not_written(run: Run, fake: FakeHub) -> None:
    with pytest.raises(UserError, match="a revision can be read, not written; leave out @v1"):
        hub.upload(f"{ADDRESS}@v1", {}, private=False, force=False)


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_lab.utils.extras.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"hf://a/b: needs a package that is not installed: .*gan-lab-lightning\[hub\]"):
        gan_lab.load("hf://a/b")


def test_the_client_has_what_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    package = pytest.importorskip("huggingface_hub", reason="the extra hub is not installed")
    assert hub.client("hf://a/b") is package is sys.modules["huggingface_hub"]
    api = package.HfApi
    wanted = SimpleNamespace(repo_exists=1, list_repo_files=1, create_repo=1, upload_folder=1)
    assert [name for name in vars(wanted) if not hasattr(api, name)] == []
