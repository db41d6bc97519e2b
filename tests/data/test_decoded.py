import logging
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lab.data import decoded, decoding, image_files, listing, mapped
from gan_lab.data.decoded import Decoder
from gan_lab.utils.errors import UserError
from gan_lab.utils.files import unfinished
from gan_lab.utils.locks import take
from tests.conftest import InTwo

COUNT = 5


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Images of one value each, 10, 11, ..., and a damaged file in their midst."""
    folder = tmp_path / "images"
    folder.mkdir()
    for index in range(COUNT):
        Image.fromarray(np.full((4, 4), 10 + index, np.uint8)).save(folder / f"{index}.png")
    (folder / "1damaged.png").write_text("text")
    return listing.find(folder)


@pytest.fixture
def attempts(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """What was decoded."""
    attempts: list[Path] = []
    read = image_files.read
    monkeypatch.setattr(image_files, "read", lambda path, **options: attempts.append(path) or read(path, **options))
    return attempts


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoded.memory, "available", lambda: 100)


def decoder(tmp_path: Path, **options: Any) -> Decoder:
    defaults: dict[str, Any] = {"size": 4, "channels": 1, "window": None, "background": "white"}
    return Decoder(cache=str(tmp_path / "deep/cache"), **defaults | options)


def load(tmp_path: Path, files: list[Path], **options: Any) -> decoded.Decoded:
    return decoder(tmp_path, **options).load(files[0].parent, files, processes=1, quiet=False)


def values(found: decoded.Decoded) -> list[int]:
    assert found.images.dtype == torch.uint8
    assert found.damaged == [2]
    return found.images[:, 0, 0, 0].tolist()


def entries(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "deep/cache").iterdir())


def test_what_fits_stays_in_memory(files: list[Path], tmp_path: Path) -> None:
    assert values(load(tmp_path, files)) == [10, 11, 12, 13, 14]
    assert not (tmp_path / "deep").exists()


@pytest.mark.parametrize(
    ("available", "processes", "fits"), [(192, 1, True), (191, 1, False), (384, 2, True), (383, 2, False)]
)
def test_half_of_the_memory_may_be_taken_by_all_processes_together(
    available: int, processes: int, fits: bool, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoded, "DISK_SHARE", 0.0)  # processes share nothing, but for want of memory
    monkeypatch.setattr(decoded.memory, "available", lambda: available)  # 6 files of 16 bytes
    decoder(tmp_path).prepare(files[0].parent, files, processes=processes)
    assert (tmp_path / "deep").exists() != fits


@pytest.mark.usefixtures("little_memory")
def test_what_does_not_fit_is_decoded_once_into_the_cache(
    files: list[Path], tmp_path: Path, attempts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load(tmp_path, files)
    assert values(first) == [10, 11, 12, 13, 14]
    assert len(attempts) == len(files)
    (entry,) = entries(tmp_path)
    assert {path.name for path in entry.iterdir()} == {"images.npy", "outcome.json"}
    assert values(load(tmp_path, files)) == values(first)
    monkeypatch.setattr(decoded.memory, "available", lambda: 1 << 40)
    assert values(load(tmp_path, files)) == values(first), "also when memory is free again"
    assert len(attempts) == len(files)


@pytest.mark.usefixtures("little_memory")
def test_what_another_user_has_decoded_is_not_believed(
    files: list[Path], tmp_path: Path, attempts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("me", "stranger", "me"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / user))
        load(tmp_path, files)
    assert len(attempts) == 2 * len(files)
    assert len(entries(tmp_path)) == 2


@pytest.mark.usefixtures("little_memory")
def test_cached_images_are_read_from_the_disk_and_never_written(files: list[Path], tmp_path: Path) -> None:
    found = load(tmp_path, files)
    assert torch.equal(found.images.index_select(0, torch.tensor([4, 0]))[:, 0, 0, 0], torch.tensor([14, 10]).byte())
    (entry,) = entries(tmp_path)
    maps = Path("/proc/self/maps")
    assert not maps.exists() or str(entry / "images.npy") in maps.read_text()
    found.images.zero_()
    assert values(load(tmp_path, files)) == [10, 11, 12, 13, 14]


@pytest.mark.usefixtures("little_memory")
def test_preparing_leaves_nothing_to_decode(files: list[Path], tmp_path: Path, attempts: list[Path]) -> None:
    decoder(tmp_path).prepare(files[0].parent, files, processes=1)
    assert len(attempts) == len(files)
    load(tmp_path, files)
    assert len(attempts) == len(files)


@pytest.mark.usefixtures("little_memory")
def test_changed_files_and_other_sizes_are_decoded_anew(
    files: list[Path], tmp_path: Path, attempts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    load(tmp_path, files)
    Image.fromarray(np.full((4, 4), 99, np.uint8)).save(files[0])
    os.utime(files[0], ns=(0, 0))
    assert values(load(tmp_path, files)) == [99, 11, 12, 13, 14]
    load(tmp_path, files, channels=3)
    load(tmp_path, files, size=8)
    load(tmp_path, files[:-1])
    load(tmp_path, files, window=(0, 9))
    load(tmp_path, files, background="black")
    monkeypatch.setattr(decoded, "VERSION", decoded.VERSION + 1)
    load(tmp_path, files)
    assert len(entries(tmp_path)) == 8
    assert len(attempts) == 8 * len(files) - 1


@pytest.mark.usefixtures("little_memory")
def test_a_folder_that_moves_keeps_its_place_in_the_cache(
    files: list[Path], tmp_path: Path, attempts: list[Path]
) -> None:
    load(tmp_path, files)
    files[0].parent.rename(tmp_path / "moved")
    load(tmp_path, listing.find(tmp_path / "moved"))
    assert len(attempts) == len(files)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_leaves_nothing_that_could_be_mistaken_for_a_cache(
    interruption: type[BaseException], files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = decoding.decode

    def interrupted(*arguments: Any, **options: Any) -> None:
        decode(*arguments, **options)
        raise interruption

    with monkeypatch.context() as patch:
        patch.setattr(decoding, "decode", interrupted)
        with pytest.raises(interruption):
            load(tmp_path, files)
    assert entries(tmp_path) == []
    with unfinished(tmp_path / "deep/cache") as folder:  # what a program that was killed leaves
        left = shutil.copytree(folder, folder.with_name(f"{folder.name}_killed"))
    (left / "images.npy").write_bytes(b"half")
    mine = tmp_path / "deep/cache/partial-results-of-my-thesis"
    mine.mkdir()
    assert values(load(tmp_path, files)) == [10, 11, 12, 13, 14]
    assert not left.exists()
    mine.rmdir()


@pytest.mark.usefixtures("little_memory")
def test_whoever_comes_second_waits_and_takes_what_the_first_has_decoded(
    files: list[Path], tmp_path: Path, attempts: list[Path]
) -> None:
    cache = tmp_path / "deep/cache"
    cache.mkdir(parents=True)
    first = take(cache / ".lock")
    with ThreadPoolExecutor() as threads:
        waiting = [threads.submit(load, tmp_path, files) for _ in range(2)]
        sleep(0.5)
        assert not attempts
        first.release()
        assert [values(loaded.result()) for loaded in waiting] == [[10, 11, 12, 13, 14]] * 2
    assert len(attempts) == len(files)
    assert len(entries(tmp_path)) == 1


@pytest.mark.usefixtures("little_memory")
def test_a_damaged_cache_is_named(files: list[Path], tmp_path: Path) -> None:
    load(tmp_path, files)
    (entry,) = entries(tmp_path)
    content = (entry / "images.npy").read_bytes()
    (entry / "images.npy").write_bytes(content[:-20])
    with pytest.raises(UserError, match=f"{entry} is damaged: .*Remove the folder"):
        load(tmp_path, files)


@pytest.mark.usefixtures("little_memory")
@pytest.mark.parametrize("name", ["images.npy", "outcome.json"])
def test_a_pipe_in_the_cache_makes_nothing_wait(name: str, files: list[Path], tmp_path: Path) -> None:
    load(tmp_path, files)
    (entry,) = entries(tmp_path)
    (entry / name).unlink()
    os.mkfifo(entry / name)
    with pytest.raises(UserError, match=f"{entry} is damaged: .*is not a regular file"):
        load(tmp_path, files)


@pytest.mark.usefixtures("little_memory")
def test_a_disk_without_room_is_refused_beforehand(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoded.shutil, "disk_usage", lambda _: SimpleNamespace(free=95))
    with pytest.raises(UserError, match=r"data\.cache=.* has 0\.0 GB left, and 6 images of 4x4 pixels need"):
        load(tmp_path, files)
    assert entries(tmp_path) == []


@pytest.mark.usefixtures("little_memory")
def test_a_cache_that_cannot_be_made_is_named(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "deep").write_text("")
    with pytest.raises(UserError, match=r"data\.cache=.*deep/cache can't be written: "):
        load(tmp_path, files)


@pytest.mark.parametrize("available", [100, 1 << 40])
def test_what_was_noticed_is_said_at_each_start_by_one_process(
    available: int,
    files: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(decoded.memory, "available", lambda: available)
    for _ in range(2):
        caplog.clear()
        load(tmp_path, files)
        first, second = (record.message for record in caplog.records if record.levelno == logging.WARNING)
        assert first.startswith(f"{files[0].parent}: 1 of 6 images can't be read: ")
        assert "between 10 and 14 of 255" in second
    caplog.clear()
    decoder(tmp_path).load(files[0].parent, files, processes=1, quiet=True)
    assert caplog.text == ""


@pytest.mark.usefixtures("little_memory")
def test_other_training_images_make_another_range(tmp_path: Path) -> None:
    (tmp_path / "wide").mkdir()
    for value in (0, 100, 200, 400):
        Image.fromarray(np.full((4, 4), value, np.uint16)).save(tmp_path / f"wide/{value}.png")
    files = listing.find(tmp_path / "wide")
    for training, value in ((files[:3], 127), (files, 64), (files[:3], 127)):
        one = decoder(tmp_path, size=16)
        one.window.files = training
        assert one.load(tmp_path / "wide", files[1:2], processes=1, quiet=True).images.unique().tolist() == [value]
        assert one.window.limits == (0, 400 if value == 64 else 200)
    assert len(entries(tmp_path)) == 2


def test_images_have_the_channels_that_are_asked_for(tmp_path: Path, files: list[Path]) -> None:
    with pytest.raises(UserError, match=r"\(it has [13] channels?, and data\.channels=2\).* No image is left"):
        load(tmp_path, files, channels=2)


def test_images_may_be_oblong_and_shapes_have_caches_of_their_own(
    tmp_path: Path, files: list[Path], little_memory: None
) -> None:
    padded = load(tmp_path, files, size=(4, 8), fit="pad", background="black").images
    assert padded[0, 0].tolist() == [[0, 0, 10, 10, 10, 10, 0, 0]] * 4
    cropped = load(tmp_path, files, size=(4, 8), fit="crop", background="black").images
    assert cropped[0, 0].tolist() == [[10] * 8] * 4
    turned = load(tmp_path, files, size=(8, 4), fit="pad", background="black").images
    assert turned[0, 0, :, 0].tolist() == [0, 0, 10, 10, 10, 10, 0, 0]
    assert len([*(tmp_path / "deep/cache").glob("*/images.npy")]) == 3
    again = load(tmp_path, files, size=(4, 8), fit="pad", background="black").images
    assert torch.equal(again, padded)


def test_many_images_that_fit_into_memory_are_decoded_once_for_all_starts(
    tmp_path: Path, files: list[Path], attempts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoded, "KEPT", len(files))
    decoder(tmp_path).prepare(files[0].parent, files, processes=1)
    assert len(attempts) == len(files)
    for _ in range(2):
        found = load(tmp_path, files)
        assert values(found) == [10, 11, 12, 13, 14]
    assert len(attempts) == len(files), "read, and not decoded again"
    files.pop()
    decoder(tmp_path).prepare(files[0].parent, files, processes=1)
    assert len(list((tmp_path / "deep/cache").glob("*/images.npy"))) == 1, "few are not worth a file"


def test_where_the_cache_has_no_room_many_images_are_decoded_at_each_start(
    tmp_path: Path, files: list[Path], attempts: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoded, "KEPT", 2)
    monkeypatch.setattr(decoded, "DISK_SHARE", 0.0)
    decoder(tmp_path).prepare(files[0].parent, files, processes=1)
    assert values(load(tmp_path, files)) == [10, 11, 12, 13, 14]
    (tmp_path / "deep").write_text("no folder")
    monkeypatch.setattr(decoded, "DISK_SHARE", 0.1)
    decoder(tmp_path).prepare(files[0].parent, files, processes=1)
    assert values(load(tmp_path, files)) == [10, 11, 12, 13, 14]


def load_as_one_of_two(folder: Path, disk_share: float) -> tuple[list[int], int, bool]:
    """The values of the images, the number of files that this process has decoded, and whether it has mapped them."""
    tried: list[Path] = []
    read = image_files.read
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(image_files, "read", lambda path, **options: tried.append(path) or read(path, **options))
        monkeypatch.setattr(decoded, "DISK_SHARE", disk_share)
        files = listing.find(folder / "images")
        found = decoder(folder).load(files[0].parent, files, processes=2, quiet=True)
    return values(found), len(tried), mapped.is_mapped(found.images)


@pytest.mark.parametrize(("disk_share", "times"), [(0.1, 1), (0.0, 2)])  # where the disk has room, and where not
def test_processes_that_begin_together_decode_once_where_the_cache_has_room(
    disk_share: float, times: int, files: list[Path], tmp_path: Path, in_two: InTwo
) -> None:
    one, other = in_two(load_as_one_of_two, tmp_path, disk_share)
    assert one[0] == other[0] == [10, 11, 12, 13, 14]
    assert one[1] + other[1] == times * len(files)
    assert one[2] == other[2] == (times == 1)
    alone = load(tmp_path, files)
    assert values(alone) == [10, 11, 12, 13, 14]
    assert not mapped.is_mapped(alone.images), "one process alone keeps them in memory"


@pytest.mark.parametrize(("depth", "dtype"), [(16, torch.uint16), ("float", torch.float32)])
def test_the_cache_keeps_the_depth(depth: Any, dtype: torch.dtype, tmp_path: Path, little_memory: None) -> None:
    folder = tmp_path / "deep_images"
    folder.mkdir()
    for index in range(COUNT):
        np.save(folder / f"{index}.npy", np.full((4, 4, 2), 1000 * index, np.uint16))
    files = listing.find(folder)
    for _ in range(2):
        one = decoder(tmp_path, channels=2, depth=depth)
        one.window.files = files
        found = one.load(folder, files, processes=1, quiet=False)
        assert found.images.dtype == dtype
        assert found.images[:, 1, 0, 0].tolist() == [0, 1000, 2000, 3000, 4000]
        assert one.depth.window == (0, 4000)
