import pytest
import torch

from gan_lab.metrics import neighbours
from gan_lab.metrics.neighbours import manifold_scores, nearest, radii


def on_a_line(*places: float) -> torch.Tensor:
    return torch.tensor(places)[:, None]


def cloud(count: int, seed: int, width: int = 4) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


REAL = on_a_line(0, 1, 2, 3, 4, 5)


def test_radii_by_hand() -> None:
    assert radii(REAL, 5).tolist()[0] == [1, 2, 3, 4, 5]
    assert radii(REAL, 5).tolist()[2] == [1, 1, 2, 2, 3]
    with pytest.raises(ValueError, match="6 images have no 6 neighbours"):
        radii(REAL, 6)


def test_scores_by_hand() -> None:
    """Balls of k=3 end at 8 and reach down to -3; those of k=5 hold -3 twice, 2.5 six times, 7.5 twice, 100 never."""
    fake = on_a_line(-3, 2.5, 7.5, 100)
    assert manifold_scores(REAL, fake) == {
        "precision": 3 / 4,
        "recall": 1.0,
        "density": 10 / (5 * 4),
        "coverage": 1.0,
    }


def test_far_away_nothing_is_covered() -> None:
    fake = on_a_line(100, 101, 102, 103)
    assert set(manifold_scores(REAL, fake).values()) == {0.0}


def test_a_set_lies_on_its_own_manifold() -> None:
    real = cloud(50, 0)
    scores = manifold_scores(real, real)
    assert scores["precision"] == scores["recall"] == scores["coverage"] == 1
    assert scores["density"] == pytest.approx(6 / 5, rel=0.05)  # each ball holds its centre and five others


def brute_force(real: torch.Tensor, fake: torch.Tensor) -> dict[str, float]:
    """The papers' equations, image by image."""

    def distance(a: torch.Tensor, b: torch.Tensor) -> float:
        return float((a.double() - b.double()).square().sum().sqrt())

    def radius(index: int, features: torch.Tensor, k: int) -> float:
        return sorted(distance(features[index], other) for other in features)[k]  # the first is itself

    narrow, wide = ([radius(i, real, k) for i in range(len(real))] for k in (3, 5))
    reach = [radius(j, fake, 3) for j in range(len(fake))]
    precise = [any(distance(f, r) <= narrow[i] for i, r in enumerate(real)) for f in fake]
    recalled = [any(distance(f, r) <= reach[j] for j, f in enumerate(fake)) for r in real]
    inside = [[distance(f, r) <= wide[i] for f in fake] for i, r in enumerate(real)]
    return {
        "precision": sum(precise) / len(fake),
        "recall": sum(recalled) / len(real),
        "density": sum(map(sum, inside)) / (5 * len(fake)),
        "coverage": sum(map(any, inside)) / len(real),
    }


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_chunks_give_what_brute_force_gives(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    real, fake = cloud(40, 0), cloud(33, 1) * 1.2 + 1.5
    expected = brute_force(real, fake)
    assert manifold_scores(real, fake) == pytest.approx(expected)
    assert manifold_scores(real, fake, radii(real, 5)) == pytest.approx(expected)
    assert 0 < expected["coverage"] < 1


def test_repeated_images_are_caught_by_coverage_and_recall() -> None:
    real, fake = cloud(500, 0, 16), cloud(500, 1, 16)
    repeated = fake[:50].repeat(10, 1)
    honest, cheated = manifold_scores(real, fake), manifold_scores(real, repeated)
    assert cheated["precision"] == pytest.approx(honest["precision"], abs=0.1)
    assert cheated["coverage"] < honest["coverage"] / 2


@pytest.mark.parametrize("chunk", [1, 1000])
def test_the_nearest_are_found(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    indices, distances = nearest(on_a_line(1.9, 5.0), REAL, 2)
    assert indices.tolist() == [[2, 1], [5, 4]]
    torch.testing.assert_close(
        distances, torch.tensor([[0.1, 0.9], [0.0, 1.0]], dtype=torch.float64), atol=1e-6, rtol=0
    )


def two_sets() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    return torch.randn(300, 8, generator=generator), torch.randn(250, 8, generator=generator) * 0.8 + 0.3


def test_all_four_are_prdcs_of_the_same_features() -> None:
    """Of 3 neighbours for precision and recall, and 5 for density and coverage."""
    prdc = pytest.importorskip("prdc", reason="the extra dev is not installed")
    real, fake = two_sets()
    found = manifold_scores(real, fake)
    for k, names in ((3, ("precision", "recall")), (5, ("density", "coverage"))):
        theirs = prdc.compute_prdc(real.double().numpy(), fake.double().numpy(), nearest_k=k)
        for name in names:
            assert found[name] == pytest.approx(float(theirs[name]), abs=1e-12), name
            assert 0.05 < found[name] < 2, "there is something to tell apart"


def test_precision_and_recall_are_torch_fidelitys_of_the_same_features() -> None:
    prc = pytest.importorskip("torch_fidelity.metric_prc", reason="the extra inception is not installed")
    real, fake = two_sets()
    options = {"prc_neighborhood": 3, "prc_batch_size": 100, "save_cpu_ram": False, "verbose": False}
    theirs = prc.prc_features_to_metric(fake.double(), real.double(), **options)
    found = manifold_scores(real, fake)
    assert found["precision"] == pytest.approx(theirs["precision"], abs=1e-6)
    assert found["recall"] == pytest.approx(theirs["recall"], abs=1e-6)
