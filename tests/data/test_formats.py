from contextlib import suppress
from pathlib import Path

import pytest
from PIL import EpsImagePlugin, Image

from gan_lab.data import formats
from tests.data.test_image_files import COLOUR, read, saved


def test_postscript_is_no_image(tmp_path: Path) -> None:
    """Pillow would hand it to Ghostscript, whatever the file is called."""
    assert ".eps" not in formats.extensions()
    assert {"PNG", "JPEG", "WEBP"} <= set(formats.formats())
    file = saved(Image.fromarray(COLOUR), tmp_path / "picture.eps").rename(tmp_path / "picture.png")
    with pytest.raises(Exception, match="cannot identify image file"):
        read(file, 8, 3)


def test_postscript_in_a_wrapper_is_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def record(tag: bytes, content: bytes) -> bytes:
        return b"\x1c" + tag + len(content).to_bytes(2, "big") + content

    given: list[object] = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *arguments: given.append(arguments))
    eps = saved(Image.fromarray(COLOUR), tmp_path / "picture.eps").read_bytes()
    tags = {b"\x03\x3c": b"\x01\x00", b"\x03\x14": b"\x08", b"\x03\x1e": b"\x08", b"\x03\x78": b"\x05"}
    parts = [eps[start : start + 120] for start in range(0, len(eps), 120)]
    iptc = b"".join(
        [*(record(tag, content) for tag, content in tags.items()), *(record(b"\x08\x0a", p) for p in parts)]
    )
    file = tmp_path / "0.png"
    file.write_bytes(iptc + bytes(5))
    with suppress(Exception):  # it gives back no picture
        Image.open(file).load()
    assert given, "Pillow unwraps it, and calls Ghostscript"
    given.clear()
    with pytest.raises(Exception, match="cannot identify image file"):
        read(file, 8, 3)
    assert not given
