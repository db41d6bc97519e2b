"""`python -m benchmarks.film RUN_FOLDER OUT.webp`: makes a film of a training from the sample grids of its run."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw

FRAMES = 60
FRAME_MS, LAST_MS = 120, 3000
CAPTION = 24  # pixels below the grid
GREY, BLUE = (128, 128, 128), (70, 130, 220)


def grids(folder: Path) -> dict[int, Path]:
    """Grids of a run by the number of images seen, in ascending order.

    Raises:
        SystemExit: the folder holds fewer than two.
    """
    found = {int(file.stem): file for file in sorted(folder.glob("samples/*.png")) if file.stem.isdigit()}
    if len(found) < 2:
        raise SystemExit(f"{folder}: a film needs at least two grids in samples/")
    return found


def moments(seen: list[int]) -> list[int]:
    """At most FRAMES of the given numbers, denser at the beginning, where most of the learning happens."""
    wanted = (seen[-1] * (frame / (FRAMES - 1)) ** 2 for frame in range(FRAMES))
    return sorted({min(seen, key=lambda images: abs(images - moment)) for moment in wanted})


def frame(grid: Path, seen: int, end: int) -> Image.Image:
    """A grid above its caption: the number of images seen, and a bar for the share of the training."""
    with Image.open(grid) as opened:
        picture = opened.convert("RGB")
    width, height = picture.size
    canvas = Image.new("RGB", (width, height + CAPTION), GREY)
    canvas.paste(picture)
    draw = ImageDraw.Draw(canvas)
    draw.rectangle((0, height + CAPTION - 4, width * seen // end, height + CAPTION), fill=BLUE)
    draw.text((4, height + 2), f"{seen:,}  images seen", fill="white", font_size=14)
    return canvas


def film(folder: Path, out: Path) -> None:
    """Write the film of a run as an animated WebP file."""
    files = grids(folder)
    seen = moments(list(files))
    frames = [frame(files[images], images, seen[-1]) for images in seen]
    durations = [FRAME_MS] * (len(frames) - 1) + [LAST_MS]
    frames[0].save(out, save_all=True, append_images=frames[1:], duration=durations, loop=0, quality=55, method=6)


if __name__ == "__main__":
    film(Path(sys.argv[1]), Path(sys.argv[2]))
