"""The probability of the changes against numbers worked out by hand."""

from collections.abc import Sequence

import pytest
import torch
from hydra import compose, initialize_config_dir
from torch import Tensor

from gan_lab.augment import Augment
from gan_lab.augment.controller import Adaptive, Scheduled
from gan_lab.augment.diffaugment import DiffAugment
from gan_lab.augment.pipeline import Pipeline
from gan_lab.config.schema import build
from gan_lab.distributed import collectives
from tests.conftest import CONF


def changes() -> Pipeline:
    return Pipeline(blit=[], geometry=[], colour=["brightness"], corruption=[])


def adaptive(target: float = 0.6, interval: int = 2, images_to_full: int = 100) -> Adaptive:
    return Adaptive(pipeline=changes(), target=target, interval=interval, images_to_full=images_to_full)


def logits(*signs: float) -> Tensor:
    return 3 * torch.tensor(signs)


def test_p_moves_at_the_end_of_an_interval_by_the_images_in_it() -> None:
    augment = adaptive()
    augment.observe(logits(1, 1, 1, -1))
    augment.adjust(10)
    assert augment.p == 0, "the interval is not over"
    augment.observe(logits(1, 1, 1, 1))
    augment.adjust(10)
    # r = (2 + 4) / 8 = 0.75 is above 0.6, and 20 of 100 images were seen.
    assert augment.diagnostics() == pytest.approx({"augment/p": 0.2, "augment/sign": 0.75})
    augment.observe(logits(1, 1, 1, -1))
    augment.adjust(5)
    augment.observe(logits(1, 1, 1, -1))
    augment.adjust(5)
    assert augment.diagnostics() == pytest.approx({"augment/p": 0.1, "augment/sign": 0.5})


def test_the_size_of_logits_does_not_count_and_zero_counts_for_neither_side() -> None:
    augment = adaptive(interval=1, target=0.2)
    augment.observe(torch.tensor([100.0, 1e-6, 0.0, -1e-6]))  # (1 + 1 + 0 - 1) / 4 = 0.25
    augment.adjust(10)
    assert augment.diagnostics() == pytest.approx({"augment/p": 0.1, "augment/sign": 0.25})


def test_patches_count_one_by_one_and_batches_by_their_size() -> None:
    augment = adaptive()
    augment.observe(torch.ones(2, 1, 3, 3))
    augment.adjust(1)
    augment.observe(-torch.ones(6))
    augment.adjust(1)
    assert augment.sign == pytest.approx(0.5)  # 18 up, 6 down


def test_p_stays_within_zero_and_one() -> None:
    augment = adaptive(interval=1)
    for expected in (0.4, 0.8, 1.0, 1.0):
        augment.observe(logits(1, 1))
        augment.adjust(40)
        assert augment.p == pytest.approx(expected)
    for expected in (0.6, 0.2, 0.0, 0.0):
        augment.observe(logits(-1, 1))
        augment.adjust(40)
        assert augment.p == pytest.approx(expected)


def test_p_stays_at_the_target_and_without_logits() -> None:
    augment = adaptive(interval=1, target=0.5)
    augment.p.fill_(0.3)
    augment.observe(logits(1, 1, 1, -1))
    augment.adjust(10)
    assert augment.p == pytest.approx(0.3)
    augment.adjust(10)
    assert augment.diagnostics() == pytest.approx({"augment/p": 0.3, "augment/sign": 0.5})
    augment.observe(logits(1, 1))
    augment.adjust(10)
    assert augment.p == pytest.approx(0.5), "images count also where another player's turn brought no logits"


def test_half_precision_is_counted_exactly() -> None:
    augment = adaptive(interval=1)
    augment.observe(torch.ones(5001, dtype=torch.bfloat16))
    assert augment.sign_sum == 5001


def test_a_stop_in_the_middle_of_an_interval_changes_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    batches = [torch.randn(16, generator=generator) + shift for shift in [0.5] * 8 + [-0.2] * 22]
    whole, first = adaptive(target=0.2, interval=4), adaptive(target=0.2, interval=4)
    whole.p.fill_(0.5)
    first.p.fill_(0.5)
    seen = []
    for number, batch in enumerate(batches):
        whole.observe(batch)
        whole.adjust(2)
        seen.append(whole.p.item())
        if number < 14:
            first.observe(batch)
            first.adjust(2)
    first.observe(batches[14])  # a checkpoint may even lie between the two
    second = adaptive(target=0.2, interval=4)
    second.load_state_dict(first.state_dict())
    second.adjust(2)
    for batch in batches[15:]:
        second.observe(batch)
        second.adjust(2)
    assert 0 < min(seen) < 0.5 < max(seen) < 1, "it has moved both ways, and never met its ends"
    for name, value in whole.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name
    assert all(value.dtype == torch.float32 and value.dim() == 0 for value in whole.state_dict().values())


def test_all_processes_have_the_same_p_as_one_that_sees_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """After each batch, so that the first process's checkpoint is that of all."""
    generator = torch.Generator().manual_seed(0)
    processes, one = [adaptive(interval=3), adaptive(interval=3)], adaptive(interval=3)
    for _ in range(10):
        parts = [torch.randn(8, generator=generator) + 1 for _ in processes]
        for process, part in zip(processes, parts, strict=True):
            process.observe(part)
        means = [(a + b) / 2 for a, b in zip(*([p.sign_sum, p.count] for p in processes), strict=True)]

        def all_reduce_mean(tensors: Sequence[Tensor], means: list[Tensor] = means) -> None:
            for tensor, mean in zip(tensors, means, strict=True):
                tensor.copy_(mean)

        with monkeypatch.context() as patch:
            patch.setattr(collectives, "all_reduce_mean", all_reduce_mean)
            for process in processes:
                process.adjust(16)
        one.observe(torch.cat(parts))
        one.adjust(16)
        for name, value in processes[0].state_dict().items():
            assert torch.equal(processes[1].state_dict()[name], value), name
        assert processes[0].p == one.p
        assert processes[0].sign == pytest.approx(one.sign.item())
    assert one.p > 0


def test_nothing_is_read_off_the_device() -> None:
    """The meta device has no numbers to read: whatever would wait for a GPU fails there."""
    for augment in (adaptive().to("meta"), Scheduled(pipeline=changes()).to("meta")):
        assert augment(torch.empty(2, 1, 8, 8, device="meta")).shape == (2, 1, 8, 8)
        augment.observe(torch.empty(2, device="meta"))
        augment.adjust(2)
        assert augment.diagnostics()["augment/p"].is_meta
    augment.set_strength(0.5)


def test_diagnostics_stay_what_they_were() -> None:
    augment = adaptive(interval=1)
    before = augment.diagnostics()
    augment.observe(logits(1))
    augment.adjust(10)
    assert before == {"augment/p": 0, "augment/sign": 0}


@pytest.mark.parametrize("augment", [adaptive(), Scheduled(pipeline=changes())], ids=["adaptive", "scheduled"])
def test_images_change_with_probability_p(augment: Adaptive | Scheduled) -> None:
    torch.manual_seed(0)
    images = torch.zeros(4000, 1, 2, 2)
    assert augment(images) is images
    augment.p.fill_(0.3)
    share = (augment(images) != 0).flatten(1).any(1).float().mean().item()
    assert share == pytest.approx(0.3, abs=0.03)


def test_a_scheduled_probability_is_what_was_set_last() -> None:
    augment = Scheduled(pipeline=changes())
    for value in (0.0, 0.25, 1.0):
        augment.set_strength(value)
        augment.observe(logits(1))
        augment.adjust(1000)
        assert augment.diagnostics() == {"augment/p": value}
    other = Scheduled(pipeline=changes())
    other.load_state_dict(augment.state_dict())
    assert other.p == 1
    assert not augment.needs_absolute_logits
    assert Adaptive.needs_absolute_logits


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"model\.augment: a probability of .*; it must be between 0 and 1"):
        Scheduled(pipeline=changes()).set_strength(value)


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        ("none", type(None)),
        ("diffaugment", DiffAugment),
        ("ada", Adaptive),
        ("ada_digits", Adaptive),
        ("scheduled", Scheduled),
        ("scheduled_r3gan", Scheduled),
    ],
)
def test_every_choice_can_be_built(choice: str, kind: type) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        node = compose(f"model/augment/{choice}").model.augment
    augment = None if node is None else build(node)
    assert type(augment) is kind
    if isinstance(augment, Augment):
        torch.manual_seed(0)
        if isinstance(augment, Adaptive | Scheduled):
            augment.p.fill_(0.8)
        for channels in (1, 3):
            images = torch.rand(8, channels, 28, 28)
            assert augment(images).shape == images.shape
            assert not torch.equal(augment(images), images)


def test_the_values_of_the_paper_stand_in_the_files() -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        ada = compose("model/augment/ada").model.augment
        diffaugment = compose("model/augment/diffaugment").model.augment
    assert (ada.target, ada.interval, ada.images_to_full) == (0.6, 4, 500000)
    assert ada.pipeline.corruption == []
    assert (list(diffaugment.policy), diffaugment.fill) == (["colour", "translation", "cutout"], 0)


def test_a_logit_that_is_not_finite_says_nothing() -> None:
    augment = adaptive(interval=1)
    augment.observe(torch.tensor([1.0, float("nan"), float("inf"), 2.0]))
    assert augment.sign_sum == 2
    augment.adjust(10)
    assert 0 <= augment.p <= 1
