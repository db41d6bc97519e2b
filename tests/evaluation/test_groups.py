from math import nan
from statistics import stdev

import pytest

from gan_lab.evaluation.groups import Group, group, ranked
from gan_lab.evaluation.run_scores import choose
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from tests.evaluation.conftest import MakeRun


def grouped(*runs: Run) -> list[Group]:
    return group(choose(runs, None)[0])[0]


def test_seeds_are_averaged(make: MakeRun) -> None:
    fids = [1.0, 2.0, 6.0]
    runs = [make(str(seed), f"seed={seed}", final={"fid": fid}) for seed, fid in enumerate(fids)]
    runs[2].update_record(images_per_second=400.0)
    (found,) = grouped(*runs)
    assert found.name == "dcgan"
    assert len(found.members) == 3
    assert found.scores["fid"].mean == 3.0
    assert found.scores["fid"].deviation == pytest.approx(stdev(fids))
    assert found.images_seen == 640
    assert found.images_per_second == 200.0


def test_one_run_has_no_deviation(make: MakeRun) -> None:
    (found,) = grouped(make("a", final={"fid": 1.0}))
    assert found.scores["fid"].deviation is None


def test_where_things_lie_and_how_one_watches_makes_no_difference(make: MakeRun) -> None:
    noise = (
        ("seed=1", "data.root=/a", "trainer.accelerator=cpu"),
        ("seed=2", "data.download=false", "trainer.enable_progress_bar=false", "callbacks.samples.rows=9"),
        ("seed=3", "data.fallback=error", "trainer.log_every_n_steps=7", "~logger"),
    )
    (found,) = grouped(*(make(str(place), *own, final={"fid": 1.0}) for place, own in enumerate(noise)))
    assert found.name == "dcgan"


@pytest.mark.parametrize(
    "override",
    ["model=wgan", "model.n_critic=2", "data.batch_size=7", "data.seed=5", "trainer.max_steps=7", "trainer.devices=2"],
)
def test_what_is_learned_makes_a_difference(override: str, make: MakeRun) -> None:
    found = grouped(make("a", final={"fid": 1.0}), make("b", override, final={"fid": 1.0}))
    assert [one.name for one in found] == ["dcgan", "wgan" if override == "model=wgan" else f"dcgan {override}"]


def test_runs_of_different_length_are_not_averaged(make: MakeRun) -> None:
    found = grouped(make("a", final={"fid": 1.0}), make("b", final={"fid": 1.0}, seen=320))
    assert [one.images_seen for one in found] == [640, 320]


def test_names_leave_out_what_all_share(make: MakeRun) -> None:
    shared = "trainer.max_steps=9"
    found = grouped(
        make("a", shared, "model=vanilla", final={"fid": 1.0}),
        make("b", "model=wgan", shared, "model.n_critic=2", final={"fid": 1.0}),
    )
    assert [one.name for one in found] == ["vanilla", "wgan model.n_critic=2"]


def test_a_run_without_hydras_side_files_is_called_by_its_model(make: MakeRun) -> None:
    run = make("a", "model=wgan_gp", final={"fid": 1.0})
    for name in ("overrides.yaml", "hydra.yaml"):
        (run.folder / ".hydra" / name).unlink()
    assert grouped(run)[0].name == "wgangp"


def test_the_best_come_first_whichever_way_that_is(make: MakeRun) -> None:
    found = grouped(
        make("a", "model=vanilla", final={"fid": 9.0, "coverage": 0.9}),
        make("b", "model=dcgan", final={"fid": 1.0, "coverage": 0.1}),
        make("c", "model=wgan", final={"fid": 5.0}),
        make("d", "model=r3gan", final={"fid": nan, "coverage": 0.5}),
    )
    assert [one.name for one in ranked(found, "fid")] == ["dcgan", "wgan", "vanilla", "r3gan"]
    assert [one.name for one in ranked(found, "coverage")] == ["vanilla", "r3gan", "dcgan", "wgan"], "last who lacks it"


def test_a_score_that_some_members_lack_is_not_averaged(make: MakeRun) -> None:
    (found,) = grouped(make("a", "seed=1", final={"fid": 1.0, "kid": 2.0}), make("b", "seed=2", final={"fid": 1.0}))
    assert found.scores.keys() == {"fid"}


def test_a_run_whose_configuration_cant_be_resolved_is_left_out(make: MakeRun) -> None:
    good, bad = make("good", final={"fid": 1.0}), make("bad", final={"fid": 2.0})
    bad.config_file.write_text(bad.config_file.read_text().replace("latent_dim: 100", "latent_dim: ${nowhere}"))
    scored, _ = choose([good, bad], None)
    (kept,), (left_out,) = group(scored)
    assert kept.members[0].run == good
    assert "nowhere" in left_out.reason
    with pytest.raises(UserError, match="nowhere"):
        group(scored[1:])
