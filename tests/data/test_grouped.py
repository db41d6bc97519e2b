from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_lab.data.grouped import by_content, by_rule, held_out, refuse_shared
from gan_lab.utils.errors import UserError

Sizes = st.lists(st.integers(1, 60), min_size=1, max_size=40)
Shares = st.floats(0, 0.95)


def grouped(sizes: list[int]) -> list[str]:
    return [f"patient {number}" for number, size in enumerate(sizes) for _ in range(size)]


@given(Sizes, Shares, st.randoms())
@settings(max_examples=150, deadline=None)
def test_no_group_is_on_both_sides_in_whatever_order_the_images_come(
    sizes: list[int], share: float, by: object
) -> None:
    groups = grouped(sizes)
    taken = held_out(groups, share, "test")
    tested = {group for group, out in zip(groups, taken, strict=True) if out}
    assert not tested & {group for group, out in zip(groups, taken, strict=True) if not out}
    by.shuffle(groups)
    again = held_out(groups, share, "test")
    assert {group for group, out in zip(groups, again, strict=True) if out} == tested


@given(Sizes, Shares)
@settings(max_examples=150, deadline=None)
def test_the_share_is_missed_by_half_a_group_at_most(sizes: list[int], share: float) -> None:
    groups = grouped(sizes)
    taken = sum(held_out(groups, share, "test"))
    wanted, largest, smallest = share * len(groups), max(sizes), min(sizes)
    if share == 0:
        assert taken == 0
    assert taken <= max(wanted + largest / 2, smallest) + 1e-6
    assert taken >= min(wanted - largest / 2, len(groups) - largest) - 1e-6
    if share > 0 and len(sizes) > 1:
        assert taken > 0


@given(st.lists(st.tuples(st.integers(1, 30), st.sampled_from("abc")), min_size=2, max_size=30), st.floats(0.05, 0.5))
@settings(max_examples=100, deadline=None)
def test_each_class_gives_its_share(drawn: list[tuple[int, str]], share: float) -> None:
    groups = grouped([size for size, _ in drawn])
    classes = [name for size, name in drawn for _ in range(size)]
    taken = held_out(groups, share, "test", classes)
    for name, count in Counter(classes).items():
        tested = sum(out for out, own in zip(taken, classes, strict=True) if own == name)
        largest = max(size for size, own in drawn if own == name)
        assert abs(tested - share * count) <= largest


def test_classes_of_one_group_each_are_taken_as_one() -> None:
    """A folder for each patient is a class, too, where nothing else is."""
    groups = grouped([4] * 50)
    assert sum(held_out(groups, 0.1, "test", groups)) == 5 * 4
    assert held_out(groups, 0.1, "test", groups) == held_out(groups, 0.1, "test")


def test_groups_of_several_classes_count_for_the_one_of_most_images() -> None:
    groups = ["x"] * 10 + ["y"] * 10
    classes = ["a"] * 9 + ["b"] + ["a"] * 9 + ["b"]
    assert sum(held_out(groups, 0.5, "test", classes)) == 10


def test_another_purpose_chooses_others() -> None:
    groups = grouped([1] * 200)
    assert sum(held_out(groups, 0.5, "test")) == 100
    assert held_out(groups, 0.5, "test") != held_out(groups, 0.5, "validation")


def test_a_rule_is_a_folder_or_an_expression() -> None:
    names = ["p1/a/1", "p1/b/2", "p2/a/1", "5"]
    assert by_rule("folder", names) == ["p1", "p1", "p2", "5"]
    assert by_rule(r"/\w/", names) == ["/a/", "/b/", "/a/", "5"]
    tones = by_rule(r"^.*?(?=-1f3f[b-f]|$)", ["1f44b", "1f44b-1f3fb", "1f468-1f3ff-200d-1f33e", "1f468"])
    assert tones == ["1f44b", "1f44b", "1f468", "1f468"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("folder", "no image lies in a folder that could be its group"),
        ("patient", "as a regular expression it matches no name, such as a1"),
        ("[", "no regular expression, unterminated character set at position 0"),
    ],
)
def test_a_rule_without_groups_is_refused(rule: str, reason: str) -> None:
    with pytest.raises(UserError) as caught:
        by_rule(rule, ["a1", "a2"])
    assert str(caught.value).startswith(f"data.groups={rule}: ")
    assert str(caught.value).endswith(reason)


def test_images_of_one_content_are_a_group_called_after_the_first() -> None:
    contents = [b"1", ValueError("damaged"), b"2", b"1", ValueError("damaged")]
    assert by_content(contents, ["a", "b", "c", "d", "e"]) == ["a", "b", "c", "a", "e"]


def test_splits_that_share_groups_are_refused() -> None:
    refuse_shared(["a", "b"], ["c"], "data.groups=folder")
    with pytest.raises(UserError, match=r"^data\.groups=folder: b and 1 more is among the training and among the test"):
        refuse_shared(["a", "b", "c"], ["c", "b"], "data.groups=folder")
