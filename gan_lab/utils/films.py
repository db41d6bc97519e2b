"""Films of frames: GIF and APNG, MP4 where there is ffmpeg, or a strip of all frames as one picture."""

import errno
import math
import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from io import BytesIO
from itertools import chain
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from gan_lab.utils import images
from gan_lab.utils.errors import UserError
from gan_lab.utils.extras import missing

GIF, PNG, MP4 = FORMATS = ".gif", ".png", ".mp4"
LEAST = 128  # pixels of a film's shorter side, up to which small pictures are enlarged
EXTRA = "video"


def check(option: str, path: Path, strip: bool = False) -> None:
    """Refuse, before any work is done, a film that can't be written.

    Raises:
        UserError: its name has another ending, a strip is no .png, or there is no ffmpeg for .mp4.
    """
    ending = path.suffix.lower()
    if strip and ending != PNG:
        raise UserError(f"{option} {path}: a strip is one picture, so its name ends in .png")
    if ending not in FORMATS:
        raise UserError(f"{option} {path}: unknown format {path.suffix}; films are .gif, .png (APNG) and .mp4")
    if ending == MP4 and ffmpeg() is None:
        raise UserError(f"{missing(f'{option} {path}', EXTRA)}, or install ffmpeg, or write a .gif")


def check_speed(option: str, fps: float) -> None:
    """Refuse a number of frames a second that no film has.

    Raises:
        UserError: it is 0, negative or infinite.
    """
    if not 0 < fps < math.inf:
        raise UserError(f"{option} {fps:g}: must be above 0")


def ffmpeg() -> str | None:
    """The program: the system's, or that of the package imageio-ffmpeg; None where there is neither."""
    if found := shutil.which("ffmpeg"):
        return found
    with suppress(ValueError, RuntimeError):  # a package without a program for this system
        if find_spec("imageio_ffmpeg") is not None:
            from imageio_ffmpeg import get_ffmpeg_exe

            return str(get_ffmpeg_exe())
    return None


def write(frames: Iterable[Tensor], path: Path, *, fps: float, hold: float = 0.0, scale: int | None = None) -> None:
    """Write a film in the format of its name; players repeat GIF and APNG without an end.

    Args:
        frames: uint8 (1 or 3, height, width), all of one size; one is enough.
        path: ends in .gif, .png or .mp4.
        fps: frames a second.
        hold: further seconds for which the last frame stays.
        scale: side of the square that a pixel becomes; by default, of small pictures, as many as make 128 pixels.

    Raises:
        OSError: it can't be written.
        UserError: ffmpeg failed, for another reason.
    """
    enlarged_frames = (enlarged(frame, scale) for frame in frames)
    if path.suffix.lower() == MP4:
        _encode(enlarged_frames, path, fps, hold)
        return
    pictures = (Image.fromarray(images.pixels(frame)) for frame in enlarged_frames)
    content = BytesIO()
    first, *rest = pictures
    duration = max(10, 10 * round(100 / fps))  # GIF counts hundredths of a second
    durations = [duration] * len(rest) + [duration + round(1000 * hold)]
    kind = "GIF" if path.suffix.lower() == GIF else "PNG"
    first.save(content, kind, save_all=True, append_images=rest, duration=durations, loop=0)
    path.write_bytes(content.getvalue())


def strip(frames: Iterable[Tensor], path: Path) -> None:
    """Write all frames beside each other as one PNG."""
    pictures = torch.stack(list(frames))
    images.save_png(images.tiled(pictures, len(pictures)), path)


def enlarged(frame: Tensor, scale: int | None = None) -> Tensor:
    """A frame (channels, height, width) whose pixels have become squares; None makes small ones large enough to see."""
    scale = scale or max(1, math.ceil(LEAST / min(frame.shape[1:])))
    return frame.repeat_interleave(scale, 1).repeat_interleave(scale, 2)


def _encode(frames: Iterator[Tensor], path: Path, fps: float, hold: float) -> None:
    """Have ffmpeg write an MP4 that every player knows: a grey row or column makes sides even."""
    first = next(frames)
    height, width = first.shape[1:]
    program = ffmpeg()
    assert program is not None  # `check` was asked before
    # fmt: off
    command = [
        program, "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
        "-r", f"{fps:g}",
        "-i", "-", "-an", "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=gray", "-pix_fmt", "yuv420p",
        "-movflags", "+faststart", "-y", str(path.absolute()),
    ]
    # fmt: on
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stderr is not None
    frame = first
    try:
        for frame in chain([first], frames):
            process.stdin.write(_raw(frame))
        for _ in range(round(hold * fps)):
            process.stdin.write(_raw(frame))
        with suppress(BrokenPipeError):
            process.stdin.close()
    except BrokenPipeError:  # it has ended, and says why
        pass
    except BaseException:
        process.kill()
        raise
    finally:
        said = process.stderr.read().decode(errors="replace").strip()
        process.stderr.close()
        with suppress(OSError):
            process.stdin.close()
        code = process.wait()
    if os.strerror(errno.ENOSPC) in said:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    if code:
        raise UserError(f"ffmpeg could not write {path.name}: {said.splitlines()[-1] if said else f'code {code}'}")


def _raw(frame: Tensor) -> bytes:
    return bytes(frame.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy().tobytes())
