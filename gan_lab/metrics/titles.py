"""What scores are called where people read them, how their values are written, and which way is better."""

from dataclasses import dataclass

from gan_lab.metrics.protocol import Protocol
from gan_lab.metrics.score_record import ScoreRecord


@dataclass(frozen=True, kw_only=True)
class Title:
    """How a score is shown.

    Args:
        text: its name.
        form: of its values, as `format` takes it.
        more_is_better: else less is.
        small_n_matters: whether few images on either side bias it, which is then said.
        counts_images: whether it grows with the generated images, whose number belongs to its name.
    """

    text: str
    form: str = ".3f"
    more_is_better: bool = False
    small_n_matters: bool = False
    counts_images: bool = False

    def value(self, value: float) -> str:
        """A value as it is written."""
        return format(value, self.form)


TITLES = {
    "fid": Title(text="FID", small_n_matters=True),
    "kid": Title(text="KID", form=".5f"),
    "inception_score": Title(text="Inception Score", more_is_better=True),
    "precision": Title(text="Precision", more_is_better=True),
    "recall": Title(text="Recall", more_is_better=True),
    "density": Title(text="Density", more_is_better=True),
    "coverage": Title(text="Coverage", more_is_better=True),
    "modes": Title(text="Modes", form=".0f", more_is_better=True, counts_images=True),
    "class_kl": Title(text="KL of classes", form=".4f", counts_images=True),
    "class_accuracy": Title(text="Asked class drawn", form=".2%", more_is_better=True),
    "class_fid": Title(text="FID within classes", small_n_matters=True),
    "gan_train": Title(text="GAN-train accuracy", form=".2%", more_is_better=True),
    "gan_test": Title(text="GAN-test accuracy", form=".2%", more_is_better=True),
}
BESIDE = {"kid_std", "inception_score_std", "class_fid_classes"}  # said with another score, not on their own
HEADLINES = ("fid", "precision", "recall", "coverage", "modes", "class_kl", "class_accuracy")  # asked for first


def title(name: str) -> Title:
    """Of any score; one that is not known here is called by its name, and less of it is better."""
    return TITLES.get(name, Title(text=name))


def heading(name: str, protocol: Protocol) -> str:
    """A score's title with what the protocol makes one say of it: "FID (n=1,000, biased)"."""
    shown = title(name)
    if shown.counts_images:
        return f"{shown.text} (n={protocol.n_fake:,})"
    return protocol.label(shown.text) if shown.small_n_matters else shown.text


def said(record: ScoreRecord) -> dict[str, tuple[str, str]]:
    """By a score's name its heading and its value, with what belongs to it: "Modes (n=26,000)", "998 of 1,000"."""
    return {
        name: (heading(name, record.protocol), title(name).value(value) + beside(name, record))
        for name, value in record.values.items()
        if name not in BESIDE
    }


def beside(name: str, record: ScoreRecord) -> str:
    """What is said with a score's value: its deviation, or of how many classes."""
    values = record.values
    if name in ("kid", "inception_score"):
        return f" +- {title(name).value(values[f'{name}_std'])}"
    if name == "modes" and record.class_counts:
        return f" of {len(record.class_counts):,}"
    return f" (mean of {values['class_fid_classes']:.0f} classes)" if name == "class_fid" else ""


def in_short(record: ScoreRecord) -> str:
    """The scores that one asks for first, in a line, with how they came about."""
    protocol, found = record.protocol, said(record)
    scores = ", ".join(" ".join(found[name]) for name in HEADLINES if name in found)
    against = "" if protocol.split == "test" else f" to {protocol.split} ones"
    count, extractor = f"{protocol.n_fake:,} images{against}", protocol.extractor["name"]
    return f"{scores} ({count}, {extractor}, {protocol.weights}, protocol {protocol.id})"
