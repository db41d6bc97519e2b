import json
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_lab.runs.run import Run
from gan_lab.usefulness import generators, learner
from gan_lab.usefulness.generators import Training
from gan_lab.usefulness.learner import Recipe
from gan_lab.usefulness.study import Arm, Cell, Options, Subject, repeated, runs_of, study
from gan_lab.utils import hashes
from gan_lab.utils.errors import UserError


def options(root: Path, **others: Any) -> Options:
    quick: dict[str, Any] = {"real": [4], "generated": [0, 1], "seeds": [1], "steps": 2, "batch_size": 8}
    return Options(**quick | {"device": "cpu", "data_root": str(root)} | others)


def cell(run: Run, root: Path, tmp_path: Path, **others: Any) -> Cell:
    subject = Subject(run, options(root, **others))
    return Cell(subject, subject.rows[0], 1, tmp_path / "study")


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


def test_every_way_has_the_same_recipe_but_for_the_augmentation(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    own = cell(tiny, few_digits, tmp_path, generated=[1, 5], starve=[("8", 1)], filters=["none", "confidence"])
    arms = list(own.subject.arms())
    assert len(arms) == 2 + 2 + 2 * 2 * 3
    assert {own.recipe(arm) for arm in arms} == {Recipe(2, 8), Recipe(2, 8, augment=True)}
    assert len({own.key(arm) for arm in arms}) == len(arms)
    assert Cell(Subject(tiny, options(few_digits, mirror=True)), own.row, 1, tmp_path).recipe(Arm("both", 1)).mirror


def test_generated_images_fill_a_starved_class_up(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    own = cell(tiny, few_digits, tmp_path, starve=[("8", 1)])
    assert own.chosen.labels.bincount().tolist() == [4] * 8 + [1, 4]
    assert own.wanted(Arm("generated", 1)) == [0] * 8 + [3, 0]
    assert own.wanted(Arm("both", 2)) == [0] * 8 + [6, 0]
    assert own.wanted(Arm("alone", 2)) == [8] * 10
    images, labels, generated = own.learned_from(Arm("repeated"))
    assert generated is None
    assert labels.bincount().tolist() == [4] * 10
    eights = images[labels == 8]
    assert torch.equal(eights, eights[:1].expand_as(eights))


def test_images_are_repeated_until_a_class_is_as_large_as_the_largest() -> None:
    labels = torch.tensor([0, 1, 0, 1, 0, 0, 0])
    places = repeated(labels, [1])
    assert places.tolist() == [0, 1, 2, 3, 4, 5, 6, 1, 3, 1]


def test_filters_are_lines_of_their_own(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    names = ["none", "discriminator", "confidence", "neighbours"]
    found = study(tiny.folder, options(few_digits, filters=names), tmp_path / "study")
    assert [one["filter"] for one in found.results if one["arm"] == "alone"] == names
    assert len(list((tmp_path / "study" / "generators").iterdir())) == 1


def test_the_test_split_is_whole_and_apart(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    subject = cell(tiny, few_digits, tmp_path).subject
    assert len(subject.test.labels) == 500
    assert len(subject.images.labels) == 500
    seen = {hashes.of_tensors(image) for image in subject.images.images}
    assert sum(hashes.of_tensors(image) in seen for image in subject.test.images) == 0


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


def test_generators_of_another_seed_or_row_are_others(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    subject = Subject(tiny, options(few_digits, real=[2, 4], seeds=[1, 2]))
    cells = [Cell(subject, row, seed, tmp_path) for row in subject.rows for seed in (1, 2)]
    assert len({one.generator_key for one in cells}) == 4
    assert isinstance(cells[0].training, Training)
    assert json.dumps([row.name for row in subject.rows]) == '["2", "4"]'
