"""Titles of scores, the form of their values, and the direction that is better."""

from dataclasses import dataclass, replace

from tabulate import tabulate

from gan_lab.metrics.protocol import Protocol
from gan_lab.metrics.score_record import ScoreRecord


@dataclass(frozen=True, kw_only=True)
class Title:
    """Title and form of a score.

    Args:
        text: name of the score.
        form: of its values, as `format` takes it.
        more_is_better: False where less is.
        aims_at_zero: True where values on both sides of zero are bad.
        small_n_matters: True where few images bias the score, which its heading then says.
        counts_images: True where the score grows with the number of generated images, which its heading then gives.
    """

    text: str
    form: str = ".3f"
    more_is_better: bool = False
    aims_at_zero: bool = False
    small_n_matters: bool = False
    counts_images: bool = False

    def value(self, value: float) -> str:
        """Format a value."""
        return format(value, self.form)

    def minimised(self, value: float) -> float:
        """The number of which less is better: the value, or its negative, or its distance from zero."""
        if self.aims_at_zero:
            return abs(value)
        return -value if self.more_is_better else value


TITLES = {
    "fid": Title(text="FID", small_n_matters=True),
    "fid_infinity": Title(text="FID-infinity"),
    "kid": Title(text="KID", form=".5f"),
    "inception_score": Title(text="Inception Score", more_is_better=True),
    "precision": Title(text="Precision", more_is_better=True),
    "recall": Title(text="Recall", more_is_better=True),
    "density": Title(text="Density", more_is_better=True),
    "coverage": Title(text="Coverage", more_is_better=True),
    "modes": Title(text="Modes", form=".0f", more_is_better=True, counts_images=True),
    "class_kl": Title(text="KL of classes", form=".4f", counts_images=True),
    "class_accuracy": Title(text="Class accuracy", form=".2%", more_is_better=True),
    "class_fid": Title(text="FID within classes", small_n_matters=True),
    "class_precision": Title(text="Precision within classes", more_is_better=True),
    "class_recall": Title(text="Recall within classes", more_is_better=True),
    "class_density": Title(text="Density within classes", more_is_better=True),
    "class_coverage": Title(text="Coverage within classes", more_is_better=True),
    "half_images": Title(text="Half", form=".0f"),
    "half_fid": Title(text="FID to half"),
    "half_floor": Title(text="Half to half"),
    "authenticity": Title(text="Authenticity", form=".2%", more_is_better=True),
    "copying": Title(text="Copying (C_T)", form=".2f", aims_at_zero=True),
    "spectrum_error": Title(text="Spectrum, difference in dB", form=".2f"),
    "spectrum_high": Title(text="Spectrum, finest details in dB", form="+.2f", aims_at_zero=True),
    "cmmd": Title(text="CMMD"),
    "path_length": Title(text="Path length", form=".1f"),
    "ppl": Title(text="Perceptual path length", form=".1f"),
    "gan_train": Title(text="GAN-train accuracy", form=".2%", more_is_better=True),
    "gan_test": Title(text="GAN-test accuracy", form=".2%", more_is_better=True),
    "psnr": Title(text="PSNR", form=".2f", more_is_better=True),
    "ssim": Title(text="SSIM", form=".4f", more_is_better=True),
    "mae": Title(text="Mean difference", form=".4f"),
    "mae_units": Title(text="Mean difference in units", form=".4g"),
    "lpips": Title(text="LPIPS", form=".4f"),
    "cycle_error": Title(text="Cycle error", form=".4f"),
}
BESIDE = {
    "kid_std",
    "inception_score_std",
    "class_fid_classes",
    "fid_low",
    "fid_high",
}  # written with another score, not on their own
HEADLINES = (  # in this order in a line
    *("fid", "a2b/fid", "b2a/fid", "psnr", "a2b/psnr", "b2a/psnr", "ssim", "cycle_error"),
    *("precision", "recall", "coverage", "modes", "class_kl", "class_accuracy"),
)


def title(name: str) -> Title:
    """Look up the title of a score; an unknown one has its name for title, and less of it is better.

    The score of one of several directions, as "a2b/fid", says so: "FID a2b".
    """
    direction, _, score = name.rpartition("/")
    known = TITLES.get(score)
    return replace(known, text=f"{known.text} {direction}".rstrip()) if known else Title(text=name)


def heading(name: str, protocol: Protocol) -> str:
    """A score's title, with the number of images where it matters: "FID (n=1,000, biased)"."""
    known = title(name)
    if known.counts_images:
        return f"{known.text} (n={protocol.n_fake:,})"
    return protocol.label(known.text) if known.small_n_matters else known.text


def formatted(record: ScoreRecord) -> dict[str, tuple[str, str]]:
    """Headings and values by the scores' names: "Modes (n=26,000)" and "998 of 1,000" for modes."""
    return {
        name: (heading(name, record.protocol), title(name).value(value) + addition(name, record))
        for name, value in record.values.items()
        if name.rpartition("/")[2] not in BESIDE
    }


def addition(name: str, record: ScoreRecord) -> str:
    """Addition to a score's value: its deviation, or the number of classes."""
    values = record.values
    if name.rpartition("/")[2] in ("kid", "inception_score"):
        return f" +- {title(name).value(values[f'{name}_std'])}"
    if name == "fid" and "fid_low" in values:
        return f" (95 %: {title(name).value(values['fid_low'])} to {title(name).value(values['fid_high'])})"
    if name == "modes" and record.class_counts:
        return f" of {len(record.class_counts):,}"
    return f" (mean of {values['class_fid_classes']:.0f} classes)" if name == "class_fid" else ""


def summary_line(record: ScoreRecord) -> str:
    """Put the headline scores and their protocol into a line."""
    protocol, parts = record.protocol, formatted(record)
    scores = ", ".join(" ".join(parts[name]) for name in HEADLINES if name in parts)
    against = "" if protocol.split == "test" else f" to {protocol.split} ones"
    count, extractor = f"{protocol.n_fake:,} images{against}", protocol.extractor["name"]
    return f"{scores} ({count}, {extractor}, {protocol.weights}, protocol {protocol.shown})"


def per_class_lines(record: ScoreRecord) -> list[str]:
    """A table of the scores within each class, a line for each, below an empty line; nothing where there are none."""
    if not record.per_class:
        return []
    columns = {
        title(name).text: ["-" if value is None else title(name).value(value) for value in values]
        for name, values in record.per_class.items()
    }
    labels = record.class_names or [str(label) for label in range(max(map(len, columns.values())))]
    rows, align = zip(labels, *columns.values(), strict=False), ["left", *["right"] * len(columns)]
    return ["", *tabulate(rows, ["Class", *columns], "plain", disable_numparse=True, colalign=align).splitlines()]
