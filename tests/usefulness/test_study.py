from pathlib import Path
from typing import Any

import pytest

from gan_lab.runs.run import Run
from gan_lab.usefulness import generators, learner
from gan_lab.usefulness.study import runs_of, study
from gan_lab.usefulness.subject import Subject
from gan_lab.utils.errors import UserError
from gan_lab.utils.locks import take
from tests.usefulness.conftest import options


def test_a_study_trains_all_ways_and_goes_on_from_what_is_there(
    tiny: Run, few_digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "study"
    found = study(tiny.folder, options(few_digits), place)
    arms = [(one["arm"], one["generated"], one["learned_from"]) for one in found.results]
    assert arms == [("real", 0, 40), ("classical", 0, 40), ("generated", 1, 80), ("both", 1, 80), ("alone", 1, 40)]
    assert all(len(one["recall"]) == 10 for one in found.results)
    assert [one["copies"] is None for one in found.results] == [True, True, False, False, False]
    (generator,) = (place / "generators").iterdir()
    assert Run(generator).data_record()["train_images"] == 40
    assert Run(generator).record()["batches"] == 3  # as the run's record says

    def never(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(generators, "train", never)
    monkeypatch.setattr(learner, "train", never)
    assert study(tiny.folder, options(few_digits), place).results == found.results
    (place / "results").joinpath(next((place / "results").iterdir()).name).unlink()
    with pytest.raises(AssertionError):
        study(tiny.folder, options(few_digits), place)


def test_a_cell_that_another_process_is_at_is_left_for_the_end(
    tiny: Run, few_digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, told = tmp_path / "study", []
    place.mkdir()
    others = take(place / f"{tiny.folder.name}_real4_seed1.lock")

    def heard(text: str) -> None:
        told.append(text.rpartition("seed ")[2].partition(" (")[0])
        if text.startswith(f"{tiny.folder.name}, 4 real images of each class, seed 2"):
            others.release()

    for module in ("study", "cells"):
        monkeypatch.setattr(f"gan_lab.usefulness.{module}.say", heard)
    found = study(tiny.folder, options(few_digits, generated=[0], seeds=[1, 2]), place)
    trained = [f"{seed}: a classifier, {arm}" for seed in (2, 1) for arm in ("real", "classical")]
    assert told == ["1: another process is at it", *trained]
    assert [one["seed"] for one in found.results] == [1, 1, 2, 2]
    assert not list(place.glob("*.lock"))


def test_filters_are_lines_of_their_own(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    names = ["none", "discriminator", "confidence", "neighbours"]
    found = study(tiny.folder, options(few_digits, filters=names), tmp_path / "study")
    assert [one["filter"] for one in found.results if one["arm"] == "alone"] == names
    assert len(list((tmp_path / "study" / "generators").iterdir())) == 1


def test_the_runs_own_generator_counts_only_if_it_has_seen_the_row(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    asked = options(few_digits, generator="run")
    for record in ({}, {"train_sha256": "abc", "train_images": 500}):
        tiny.update_record(data={"name": "MNIST"} | record)
        with pytest.raises(UserError, match="has seen|doesn't say which"):
            study(tiny.folder, asked, tmp_path / "study")
    assert not (tmp_path / "study").exists()
    subject = Subject(tiny, options(few_digits, generator="run", real=[None]))
    tiny.update_record(data={"name": "MNIST", "train_sha256": subject.loaded, "train_images": 500})
    found = study(tiny.folder, options(few_digits, generator="run", real=[None]), tmp_path / "study")
    assert [one["arm"] for one in found.results] == ["real", "classical", "generated", "both", "alone"]
    assert not (tmp_path / "study" / "generators").exists()
    with pytest.raises(UserError, match="not just the 40 of this row"):
        study(tiny.folder, asked, tmp_path / "study")


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"starve": [("12", 1)]}, "--starve 12=1: no such class."),
        ({"real": [51]}, "--real 51: class 0 has only"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_written(
    tiny: Run, few_digits: Path, tmp_path: Path, others: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError) as error:
        study(tiny.folder, options(few_digits, **others), tmp_path / "study")
    assert str(error.value).startswith(said)
    assert not (tmp_path / "study").exists()


def test_a_folder_that_cannot_be_written_to_is_named(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"--out .*file/study: can't be written"):
        study(tiny.folder, options(few_digits), tmp_path / "file" / "study")


def test_runs_of_a_sweep_that_differ_in_their_seed_count_as_one(tiny: Run, tmp_path: Path) -> None:
    for name, values in {"0": {"seed": 1}, "1": {"seed": 2}, "2": {"latent_dim": 6}}.items():
        run, config = Run(tmp_path / "sweep" / name), tiny.config()
        config.seed = values.get("seed", 1)
        config.model.latent_dim = values.get("latent_dim", 4)
        run.save_config(config)
        run.update_record(status="finished")
    assert [run.folder.name for run in runs_of(tmp_path / "sweep")] == ["0", "2"]
    assert [run.folder for run in runs_of(tiny.folder)] == [tiny.folder]
