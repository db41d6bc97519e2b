"""Protocols that papers report, by name: what is generated, what it is held against, by which features."""

from dataclasses import dataclass
from typing import Literal

from gan_lab.metrics.groups import Group
from gan_lab.metrics.inception import Resize
from gan_lab.metrics.select_extractor import Choice

WHOLE: Literal["train"] = "train"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A published protocol.

    Args:
        count: generated images.
        split: of the dataset, all of which is compared with.
        extractor: of the features.
        resize: of images for inception; None for others.
        groups: of scores.
        who: the papers that report it, in a few words.
    """

    count: int
    split: Literal["train", "test"]
    extractor: Choice
    resize: Resize | None = None
    groups: tuple[Group, ...]
    who: str


def _inception(count: int, split: Literal["train", "test"], *groups: Group, who: str) -> Preset:
    return Preset(count=count, split=split, extractor="inception", resize="tensorflow1", groups=groups, who=who)


PRESETS: dict[str, Preset] = {
    "fid50k": _inception(50_000, WHOLE, "fid", who="StyleGAN2-ADA, StyleGAN3 and R3GAN (fid50k_full), EDM"),
    "fid10k-test": _inception(10_000, "test", "fid", who="DiffAugment and LeCam, on CIFAR-10 and CIFAR-100"),
    "kid50k": _inception(50_000, WHOLE, "kid", who="StyleGAN2-ADA, StyleGAN3 (kid50k_full)"),
    "is50k": _inception(50_000, WHOLE, "inception_score", who="Salimans et al., StyleGAN2-ADA (is50k)"),
    "pr10k": _inception(10_000, WHOLE, "manifold", who="Naeem et al., with other features"),
    "pr50k": _inception(50_000, WHOLE, "manifold", who="StyleGAN3 (pr50k3_full), with VGG's features"),
    "fid50k-clean": Preset(
        count=50_000, split=WHOLE, extractor="inception-clean", groups=("fid",), who="Parmar et al. (clean-fid)"
    ),
    "fd-dinov2": Preset(count=50_000, split=WHOLE, extractor="dinov2", groups=("fid",), who="Stein et al., EDM2"),
    "cmmd30k": Preset(
        count=30_000, split="test", extractor="clip", groups=("cmmd",), who="Jayasumana et al., against COCO"
    ),
}
