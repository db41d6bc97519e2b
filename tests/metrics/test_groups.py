from types import SimpleNamespace

import pytest

from gan_lab.metrics.groups import ALL_GROUPS, GROUPS, NAMES, OF_PAIRS, group_of, may_be_computed, names
from gan_lab.metrics.titles import TITLES
from tests.conftest import tiny_cgan, tiny_gan
from tests.models.test_cyclegan import tiny_cyclegan


def test_every_group_has_names_and_every_name_a_title() -> None:
    assert {*NAMES} == {*ALL_GROUPS}
    assert {*names(ALL_GROUPS), *OF_PAIRS} <= {*TITLES}


def test_each_score_belongs_to_one_group() -> None:
    assert len(names(ALL_GROUPS)) == len({*names(ALL_GROUPS)})
    assert group_of("a2b/recall") == "manifold"
    assert group_of("psnr") is None


def test_classes_are_asked_of_conditional_models_only() -> None:
    data = SimpleNamespace()
    assert {*may_be_computed(tiny_cgan(), data, GROUPS)} == {*names(GROUPS)}
    assert {*may_be_computed(tiny_gan(), data, GROUPS)} == {*names(GROUPS)} - {"class_accuracy", "class_fid"}


@pytest.mark.parametrize("paired", [False, True])
def test_translations_have_scores_of_each_direction(paired: bool) -> None:
    found = may_be_computed(tiny_cyclegan(), SimpleNamespace(paired=paired), GROUPS)
    assert {"fid", "a2b/fid", "b2a/recall", "cycle_error"} <= {*found}
    assert ("a2b/psnr" in found) == paired
    assert not {"modes", "a2b/modes", "a2b/class_fid"} & {*found}


def test_a_model_of_one_direction_needs_no_name_for_it() -> None:
    model = SimpleNamespace(translate=None, directions=("a2b",))
    assert may_be_computed(model, SimpleNamespace(paired=True), ["fid", "classes"]) == ["fid", *OF_PAIRS]
