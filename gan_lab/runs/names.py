"""Names of runs and sweeps, which commands take in place of folders: one's own name, and `latest`."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from gan_lab.runs import record
from gan_lab.utils.errors import UserError, nearest
from gan_lab.utils.run_layout import LATEST, RunLayout, job_number
from gan_lab.utils.typed_json import read_json

CONFIG, WEIGHTS = "config.json", "model.safetensors"  # of a model that someone has given away: gan_lab.runs.shared
RUNS, SWEEPS = Path("logs/runs"), Path("logs/sweeps")  # below the current folder, as conf/hydra/default.yaml has them


def folder_of(name: str | Path) -> Path:
    """The folder of a run or a sweep.

    Args:
        name: a folder, which is taken as it is, unless it holds no run and there is a run of this name. Else the name
            of a run in logs/runs, of a sweep in logs/sweeps, or of a sweep's job, "first/0_seed=1", of which the number
            is enough: "first/0". Or "latest": the run in logs/runs that started last. Or a model that someone has given
            away, as an exported folder or at the hub, `hf://user/name`: the run that it is unpacked to, in a cache.

    Raises:
        UserError: there is none, which the message says in a line with names that are near.
    """
    path = Path(name).expanduser()
    if is_address(name):
        from gan_lab.runs import hub  # with torch, which takes seconds

        return hub.folder(name)
    if is_shared(path):
        from gan_lab.runs import shared

        return shared.opened(shared.files_of(path), path)
    named = next((place / path for place in (RUNS, SWEEPS) if (place / path).is_dir()), None)
    if path.exists() and (named is None or str(name) != path.name or RunLayout(path).config_file.is_file()):
        return path
    if str(name) == LATEST:
        return latest()
    if named:
        return named
    for sweep in (path.parent, SWEEPS / path.parent):
        jobs = [folder for folder in _folders(sweep) if job_number(folder.name) == path.name]
        if path.parent.name and len(jobs) == 1:
            return jobs[0]
    problem = f"{name}: no such run folder"
    if path.is_absolute():
        raise UserError(problem)
    is_short = path.parts[:1] != RUNS.parts[:1]
    hint = nearest(str(name), [str(known.relative_to(place)) if is_short else known for place, known in _known()])
    if not hint.startswith("Did you mean"):  # but lists all there are
        hint = ""
    raise UserError(f"{problem}, and no run of this name in {RUNS} or {SWEEPS}" + (hint and f". {hint}"))


def is_address(name: str | Path) -> bool:
    """Tell if a name is meant for an address of the hub, of whose two slashes a path has lost one."""
    return str(name).startswith("hf:/")


def is_shared(folder: Path) -> bool:
    """Tell if a folder looks like that of an exported model, and not like that of a run."""
    return all((folder / name).is_file() for name in (CONFIG, WEIGHTS)) and not RunLayout(folder).config_file.exists()


def latest() -> Path:
    """The run in logs/runs that started last.

    Raises:
        UserError: there is none.
    """
    began: list[tuple[datetime, str, Path]] = []
    for folder in _folders(RUNS):
        with suppress(UserError, KeyError):  # one that can't be read is not meant
            content = read_json(RunLayout(folder).record_file, record.form())
            began.append((datetime.fromisoformat(content["started"]), folder.name, folder))
    if not began:
        raise UserError(f"{LATEST}: there is no run in {RUNS} yet")
    return max(began)[-1]


def _known() -> Iterator[tuple[Path, Path]]:
    """Yield the folders that have names, each with the one that its name begins below."""
    yield from ((RUNS, folder) for folder in _folders(RUNS))
    for sweep in _folders(SWEEPS):
        yield SWEEPS, sweep
        yield from ((SWEEPS, job) for job in _folders(sweep) if RunLayout(job).config_file.is_file())


def _folders(place: Path) -> list[Path]:
    """List the folders in a folder; none where it is missing or can't be read."""
    with suppress(OSError):
        return sorted(folder for folder in place.iterdir() if folder.is_dir())
    return []
