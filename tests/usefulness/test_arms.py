import torch

from gan_lab.usefulness.arms import Arm, Options, arms_of, repeated


def test_arms_without_generated_images_come_first_and_zero_is_among_them() -> None:
    assert [*arms_of(Options(real=[1], generated=[0]))] == [Arm("real"), Arm("classical")]
    starved = Options(real=[1], generated=[2, 0, 1, 2], starve=[("8", 1)], filters=["none", "neighbours"])
    names = [(arm.name, arm.generated, arm.filter) for arm in arms_of(starved)]
    assert names[:5] == [
        ("real", 0, "none"),
        ("classical", 0, "none"),
        ("repeated", 0, "none"),
        ("repeated, classical", 0, "none"),
        ("generated", 1, "none"),
    ]
    assert len(names) == len(set(names)) == 4 + 2 * 2 * 3


def test_images_are_repeated_until_a_class_is_as_large_as_the_largest() -> None:
    labels = torch.tensor([0, 1, 0, 1, 0, 0, 0])
    places = repeated(labels, [1])
    assert places.tolist() == [0, 1, 2, 3, 4, 5, 6, 1, 3, 1]
