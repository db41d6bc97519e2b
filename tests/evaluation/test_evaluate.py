from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.evaluation.datasets import dataset_by_name, dataset_of_run
from gan_lab.evaluation.evaluate import evaluate, evaluate_translator
from gan_lab.evaluation.options import Options
from gan_lab.evaluation.sides import Side
from gan_lab.metrics import scores
from gan_lab.metrics.generated_images import Generated
from gan_lab.metrics.real_images import RealImages
from gan_lab.metrics.score_record import ScoreRecord
from gan_lab.metrics.select_extractor import make_extractor
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.conftest import all_digits, composed


@pytest.fixture(autouse=True)
def few_subsets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores, "KID_SUBSETS", 2)


def evaluated(drawn: list[Generated], real: RealImages) -> ScoreRecord:
    extractor = make_extractor("auto", real)
    side = Side(generated=drawn, count=sum(len(images) for images, _ in drawn), images_seen=7)
    return evaluate(side, real, extractor, Options(seed=3), split="test").record


def test_genuine_digits_score_as_such(few_digits: Path) -> None:
    images, labels = (part[1::9] for part in all_digits("train"))
    real = dataset_by_name("mnist", str(few_digits))
    record = evaluated([(images[:300], labels[:300]), (images[300:], labels[300:])], real)
    assert record.images_seen == 7
    assert record.values["fid"] < 1.5
    assert record.values["class_accuracy"] > 0.97
    assert record.values["coverage"] > 0.8
    assert record.protocol.n_fake == record.protocol.n_real == 500
    assert (record.protocol.split, record.protocol.weights, record.protocol.seed) == ("test", "given", 3)
    assert sum(record.class_counts) == 500
    bordered = torch.nn.functional.pad(images, (2, 2, 2, 2), value=255)
    again = evaluated([(bordered, labels)], real)
    assert again.values["fid"] == pytest.approx(record.values["fid"]), "what lies in the border is not looked at"


def test_of_stacks_modes_are_counted(few_digits: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(few_digits)
    overrides = ("data=stacked_mnist", "data.count=128", "data.test_count=40", f"run_dir={few_digits}/run")
    real = dataset_of_run(composed(*overrides), {}, str(few_digits))
    images, labels = real.load("train")
    record = evaluated([(images, labels)], real)
    assert record.values.keys() == {"fid", "kid", "kid_std", "modes", "class_kl", "class_accuracy"}
    assert record.values["modes"] == pytest.approx(len(labels.unique()), abs=5)
    assert len(record.class_counts) == 1000


def test_too_few_images_are_refused(few_digits: Path) -> None:
    real = dataset_by_name("mnist", str(few_digits))
    with pytest.raises(UserError, match="scores need 6 generated images or more, not 5"):
        evaluated([(all_digits("train")[0][:5], None)], real)
    real.load("test")
    real.data.splits["test"] = tuple(part[:5] for part in real.data.splits["test"])
    with pytest.raises(UserError, match=r"scores need 6 real images or more, and there are 5 \(test\)"):
        evaluated([(all_digits("train")[0][:10], None)], real)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(keep=True), "--images: translations are not kept; gan-lab translate writes them"),
        (Options(statistics=Path("s.npz")), "--statistics s.npz: exists, and translations are compared with the run's"),
        (
            Options(groups=("fid", "spectrum")),
            "--scores: spectrum is not computed of translations; they have fid, kid, man",
        ),
        (Options(preset="is50k").resolved(), "--protocol is50k: inception_score is not computed of translations"),
    ],
)
def test_what_translations_do_not_have_is_refused_at_once(options: Options, message: str, tmp_path: Path) -> None:
    model: Any = None
    with pytest.raises(UserError, match=message):
        evaluate_translator(model, Run(tmp_path), options, ema=True)
