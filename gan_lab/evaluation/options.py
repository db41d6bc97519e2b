"""Settings of an evaluation."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gan_lab.metrics.groups import GROUPS, Group
from gan_lab.metrics.inception import Resize
from gan_lab.metrics.presets import PRESETS
from gan_lab.metrics.scorer import FEWEST
from gan_lab.utils.errors import UserError

COUNT = 10_000  # generated images by default


@dataclass(frozen=True, kw_only=True)
class Options:
    """Settings of an evaluation, of a run or of a user's images.

    Args:
        extractor: one of `select_extractor.Choice`, or "package.module:Class" of the user's own. Only for "inception"
            by name are missing weights fetched: what "auto" takes follows from a run's folder, perhaps a stranger's.
        weights_file: weights of a named extractor, where they don't lie in their usual place.
        resize: of images for Inception, "antialiased", or "tensorflow1" as for the numbers of most papers, which None
            takes.
        count: number of generated images; by default `COUNT`, the `test_count` of a run's data, or all images.
        split: of the real images; by default the dataset's eval split.
        data_root: folder of the dataset; by default that of the run, or "data".
        seed: of the latents and of random subsets.
        device: for generating images and their features, by its name in torch; "auto" is the best there is.
        groups: of scores; None takes `GROUPS`, or those of the preset.
        preset: name of a published protocol, which sets the count, the split, the extractor and the groups.
        statistics: file of mean and covariance that takes the place of the real images.
        keep: keep all images that are scored.
    """

    extractor: str = "auto"
    weights_file: str | None = None
    resize: Resize | None = None
    count: int | None = None
    split: str | None = None
    data_root: str | None = None
    seed: int = 0
    device: str = "auto"
    groups: tuple[Group, ...] | None = None
    preset: str | None = None
    statistics: Path | None = None
    keep: bool = False

    def resolved(self) -> "Options":
        """The same options with the preset's choices in place.

        Raises:
            UserError: another choice was made for one of them, or the count is too small for scores.
        """
        if self.preset is None:
            if self.count and self.count < FEWEST:
                raise UserError(f"--count {self.count}: scores need {FEWEST} generated images or more")
            return self
        preset = PRESETS[self.preset]
        own: dict[str, Any] = {
            "count": preset.count,
            "split": preset.split,
            "extractor": preset.extractor,
            "groups": preset.groups,
        }
        own |= {"resize": preset.resize} if preset.resize else {}
        for name, value in own.items():
            given = getattr(self, name)
            if given not in (None, "auto", value):
                option = "scores" if name == "groups" else name
                shown, other = (",".join(each) if isinstance(each, tuple) else each for each in (given, value))
                raise UserError(f"--{option} {shown}: --protocol {self.preset} has {other}; leave one of the two out")
        return replace(self, **own)

    @property
    def chosen_groups(self) -> tuple[Group, ...]:
        """Groups of scores to compute."""
        return self.groups or GROUPS
