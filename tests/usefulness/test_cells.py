import json
from pathlib import Path

import torch

from gan_lab.runs.run import Run
from gan_lab.usefulness.arms import Arm, arms_of
from gan_lab.usefulness.cells import Cell
from gan_lab.usefulness.generators import Training
from gan_lab.usefulness.learner import Recipe
from gan_lab.usefulness.subject import Subject
from tests.usefulness.conftest import cell, options


def test_every_way_has_the_same_recipe_but_for_the_augmentation(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    own = cell(tiny, few_digits, tmp_path, generated=[1, 5], starve=[("8", 1)], filters=["none", "confidence"])
    arms = list(arms_of(own.options))
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


def test_generators_of_another_seed_or_row_are_others(tiny: Run, few_digits: Path, tmp_path: Path) -> None:
    subject = Subject(tiny, options(few_digits, real=[2, 4], seeds=[1, 2]))
    cells = [Cell(subject, row, seed, tmp_path) for row in subject.rows for seed in (1, 2)]
    assert len({one.generator_key for one in cells}) == 4
    assert isinstance(cells[0].training, Training)
    assert json.dumps([row.name for row in subject.rows]) == '["2", "4"]'
