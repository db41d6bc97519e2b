import pytest

from gan_lab.schedules import Constant, Cosine, LinearDecay, Schedule


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Constant(), {0.0: 1, 0.5: 1, 0.999: 1}),
        (LinearDecay(start=0.5), {0.0: 1, 0.25: 1, 0.5: 1, 0.75: 0.5, 0.9: 0.2, 1.0: 0}),
        (LinearDecay(start=0.0), {0.0: 1, 0.25: 0.75, 0.75: 0.25}),
        (Cosine(), {0.0: 1, 1 / 3: 0.75, 0.5: 0.5, 2 / 3: 0.25, 1.0: 0}),
    ],
)
def test_factors_by_hand(schedule: Schedule, expected: dict[float, float]) -> None:
    assert {progress: schedule(progress) for progress in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("schedule", [Constant(), LinearDecay(start=0.5), Cosine()])
def test_a_run_that_goes_on_past_its_end_never_climbs(schedule: Schedule) -> None:
    assert 0 <= schedule(1.5) <= schedule(1.0)
