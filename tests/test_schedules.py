import pytest

from gan_lab.schedules import Constant, Cosine, LinearDecay, Moment, Ramp, Schedule


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
    found = {progress: schedule(Moment(progress, images=0)) for progress in expected}
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("schedule", [Constant(), LinearDecay(start=0.5), Cosine()])
def test_a_run_that_goes_on_past_its_end_never_climbs(schedule: Schedule) -> None:
    assert 0 <= schedule(Moment(1.5, 0)) <= schedule(Moment(1.0, 0))


@pytest.mark.parametrize(
    ("ramp", "expected"),
    [
        # Half a cosine: at a third of the way it has gone a quarter of it, at two thirds three quarters.
        (
            Ramp(start=0.05, end=0.005, images=300, shape="cosine", hold=0),
            {0: 0.05, 100: 0.03875, 150: 0.0275, 200: 0.01625, 300: 0.005, 9000: 0.005},
        ),
        (Ramp(start=0.9, end=0.99, images=60, shape="cosine", hold=40), {0: 0.9, 40: 0.9, 60: 0.9225, 100: 0.99}),
        (Ramp(start=1, end=0.25, images=100, shape="linear", hold=0), {0: 1, 20: 0.85, 100: 0.25, 101: 0.25}),
        (Ramp(start=2, end=2, images=1, shape="linear", hold=0), {0: 2, 1: 2}),
    ],
)
def test_ramps_by_hand(ramp: Ramp, expected: dict[int, float]) -> None:
    assert {images: ramp(Moment(0.0, images)) for images in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("shape", ["linear", "cosine"])
def test_a_ramp_ends_with_the_very_number_and_never_looks_at_the_end_of_the_run(shape: str) -> None:
    ramp = Ramp(start=0.1, end=0.3, images=7, shape=shape, hold=3)  # type: ignore[arg-type]
    assert (ramp(Moment(0.9, 3)), ramp(Moment(0.0, 10))) == (0.1, 0.3)
    assert not ramp.needs_an_end
    assert not Constant().needs_an_end


def test_the_ramp_up_of_stylegan2s_average() -> None:
    """min(half-life, 0.05 images)."""
    full = 10_000
    ramp = Ramp(start=0, end=full, images=20 * full, shape="linear", hold=0)
    for images in (0, 64, 3200, 199_936, 200_000, 200_064, 1_000_000):
        assert ramp(Moment(0.0, images)) == pytest.approx(min(full, 0.05 * images))
