import torch

from gan_lab.utils import seeding


def test_derive_is_pinned_so_that_old_runs_can_be_repeated() -> None:
    assert seeding.derive(1, "step", 2, 3) == 4222662909504886280


def test_derive_tells_every_part_of_the_key_apart() -> None:
    keys = [(0, "a", 1), (1, "a", 1), (0, "b", 1), (0, "a", 2), (0, "a", 1, 0), (0, "a1"), (0, "a", 11)]
    assert len({seeding.derive(*key) for key in keys}) == len(keys)


def test_derived_seeds_suit_every_generator() -> None:
    for step in range(1000):
        assert 0 <= seeding.derive(2**40, "step", step) < 2**63


def test_seed_device_repeats_all_draws() -> None:
    draws = []
    for _ in range(2):
        seeding.seed_device(torch.device("cpu"), 7)
        draws.append(torch.cat([torch.randn(3), torch.nn.functional.dropout(torch.ones(3))]))
    assert torch.equal(*draws)


def test_a_state_brings_back_the_draws_that_followed_it() -> None:
    device = torch.device("cpu")
    state = seeding.device_state(device)
    expected = torch.randn(5)
    torch.randn(7)
    seeding.restore_device_state(device, state)
    assert torch.equal(torch.randn(5), expected)


def test_a_permutation_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    assert sorted(seeding.permutation(10, 3).tolist()) == list(range(10))
    assert torch.equal(torch.get_rng_state(), before)
