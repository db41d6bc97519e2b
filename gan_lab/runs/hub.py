"""Models at the Hugging Face hub: `hf://user/name`, or a revision of it, `hf://user/name@revision`.

Files are fetched and sent by the hub's own client, the package huggingface_hub of the extra `hub`, which also knows the
user's login. What is fetched is verified by `gan_lab.runs.shared`.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gan_lab.runs import shared
from gan_lab.runs.names import CONFIG, WEIGHTS
from gan_lab.utils import own_key
from gan_lab.utils.errors import UserError
from gan_lab.utils.extras import require
from gan_lab.utils.files import unfinished, write_atomically

ADDRESS = re.compile(r"hf:/{1,2}([A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95})(?:@([\w][\w./-]{0,99}))?", re.ASCII)
README = "README.md"  # as the hub calls a card
HUBS_OWN = {".gitattributes"}  # which a repository there begins with
OF_HTTP = ("huggingface_hub", "httpx", "httpx2", "requests", "urllib3")  # whose errors are those of the network


def parsed(address: str | Path) -> tuple[str, str | None]:
    """The repository and the revision of an address.

    Raises:
        UserError: it is none.
    """
    found = ADDRESS.fullmatch(str(address))
    if not found or ".." in str(address):
        raise UserError(f"{address}: is no address of the hub; write hf://user/name or hf://user/name@revision")
    return found[1], found[2]


def client(chosen: str | Path) -> Any:
    """The hub's client, the package huggingface_hub.

    Raises:
        UserError: it isn't installed.
    """
    require(str(chosen), "hub", "huggingface_hub")
    import huggingface_hub

    return huggingface_hub


def download(address: str | Path) -> dict[str, Path]:
    """Fetch the files of a model, by name; those that have been fetched before lie in the client's cache.

    Raises:
        UserError: the client isn't installed, the hub can't be reached, or has no such model.
    """
    repository, revision = parsed(address)
    hub = client(address)

    def fetch(name: str) -> Path:
        with one_line(address):
            return Path(hub.hf_hub_download(repo_id=repository, filename=name, revision=revision))

    files = {CONFIG: fetch(CONFIG)}
    listed = shared.read_config(files[CONFIG], address)["files"]
    return files | {name: fetch(name) for name in listed}  # which the type of the configuration restricts


def folder(address: str | Path) -> Path:
    """The folder of a run, in this user's cache, of a model at the hub.

    Raises:
        UserError: as of `download`, or the model is damaged.
    """
    return shared.opened(download(address), f"hf://{parsed(address)[0]}")


def upload(address: str, files: Mapping[str, bytes], *, private: bool, force: bool) -> str:
    """Send files to a repository at the hub, which is made where there is none, in one commit.

    Args:
        address: of the repository.
        files: contents by name.
        private: whether a new repository is shown to its owner only.
        force: replace what another program has put there.

    Returns:
        The page of the repository.

    Raises:
        UserError: the client isn't installed, the user isn't logged in, the hub can't be reached, or what lies there is
            no model of gan_lab's.
    """
    repository, revision = parsed(address)
    if revision:
        raise UserError(f"--to {address}: a revision can be read, not written; leave out @{revision}")
    hub = client(f"--to {address}")
    with one_line(f"--to {address}"), unfinished(own_key.folder()) as place:
        api = hub.HfApi()
        if api.repo_exists(repository):
            there = set(api.list_repo_files(repository)) - HUBS_OWN - {README}
            if there and not force and not _is_ours(hub, repository, there):
                raise UserError(
                    f"--to {address}: holds other files ({', '.join(sorted(there)[:3])}); choose another name, or add "
                    "to them with --force"
                )
        for name, content in files.items():
            write_atomically(place / "files" / name, content)
        api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            folder_path=str(place / "files"),
            allow_patterns=sorted(files),
            commit_message="Publish a model of gan_lab",
        )
    return f"https://huggingface.co/{repository}"


def _is_ours(hub: Any, repository: str, there: set[str]) -> bool:
    """Tell if files of a repository are a model of gan_lab's: other programs give files the same names."""
    if not {CONFIG, WEIGHTS} <= there:
        return False
    file = Path(hub.hf_hub_download(repo_id=repository, filename=CONFIG, revision=None))
    with suppress(UserError):
        return bool(shared.read_config(file, repository))
    return False


@contextmanager
def one_line(address: str | Path) -> Iterator[None]:
    """Tell what the client or the network complains of in one line.

    Raises:
        UserError: it does.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        owners = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
        if not isinstance(error, OSError) and not owners.intersection(OF_HTTP):
            raise
        names = {kind.__name__ for kind in type(error).__mro__}
        line = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        if "LocalTokenNotFoundError" in names or " 401 " in f" {line} ":
            line = "not logged in, or there is no such model: hf auth login"
        elif "EntryNotFoundError" in names and "LocalEntryNotFoundError" not in names:
            line = f"there is no model of gan_lab's: {line}"
        raise UserError(f"{address}: {line}") from error
