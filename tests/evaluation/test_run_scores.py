from pathlib import Path

import pytest

from gan_lab.evaluation.run_scores import choose, find, records
from gan_lab.utils.errors import UserError
from tests.evaluation.conftest import MakeRun, scores


def test_runs_are_found_at_any_depth_and_once(make: MakeRun, tmp_path: Path) -> None:
    runs = [make("runs/b"), make("runs/a"), make("sweeps/0/1")]
    make("runs/a/samples/not_a_run")
    found = find([tmp_path / "logs", tmp_path / "logs" / "runs", runs[1].folder])
    assert [run.folder for run in found] == [run.folder for run in (runs[1], runs[0], runs[2])]


def test_what_holds_no_run_is_named(make: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: contains no run"):
        find([tmp_path / "empty"])
    with pytest.raises(UserError, match="/nowhere: no such folder"):
        find([Path("/nowhere")])
    run = make("half")
    run.config_file.unlink()
    with pytest.raises(UserError, match="half is not a run folder: it has no .hydra/config.yaml"):
        find([run.folder])


def test_final_scores_come_before_evaluations(make: MakeRun) -> None:
    run = make("a", final={"fid": 1.0}, evaluations=({"n_fake": 99},))
    assert [record.values["fid"] for record in records(run)] == [1.0, 9.0]
    scored, without = choose([run], None)
    assert scored[0].scores.values == {"fid": 1.0}
    assert not without


def test_an_only_evaluation_will_do(make: MakeRun) -> None:
    runs = [make("a", evaluations=({},)), make("b")]
    scored, without = choose(runs, None)
    assert [one.run for one in scored] == [runs[0]]
    assert without == [runs[1]]


def test_a_protocol_can_be_picked(make: MakeRun) -> None:
    runs = [make("a", final={"fid": 1.0}, evaluations=({"n_fake": 99},)), make("b", final={"fid": 2.0})]
    wanted = scores({}, 0, n_fake=99).protocol.id
    scored, without = choose(runs, wanted[:5])
    assert [(one.run, one.scores.values["fid"]) for one in scored] == [(runs[0], 9.0)]
    assert without == [runs[1]]
    with pytest.raises(UserError, match=rf"--protocol zzz: no run has scores of this protocol\. Available: .*{wanted}"):
        choose(runs, "zzz")


def test_of_one_protocol_the_last_checkpoint_goes_before_the_best(make: MakeRun) -> None:
    run = make("a", evaluations=({"values": {"fid": 8.0}, "seen": 320},))
    (file,) = (run.folder / "evaluations").iterdir()
    best = file.rename(file.with_stem(f"{file.stem}_best"))
    assert choose([run], None)[0][0].scores.images_seen == 320
    file.write_text(best.read_text().replace("320", "640"))
    assert choose([run], None)[0][0].scores.images_seen == 640


def test_several_evaluations_need_a_choice(make: MakeRun) -> None:
    run = make("a", evaluations=({"n_fake": 99}, {"n_fake": 98}))
    with pytest.raises(UserError, match=r"has scores of 2 protocols; choose one: --protocol \w{8} or \w{8}"):
        choose([run], None)


def test_different_protocols_are_refused_with_their_difference(make: MakeRun) -> None:
    runs = [make("a", final={"fid": 1.0}), make("b", final={"fid": 2.0}, n_fake=1000, split="train")]
    with pytest.raises(UserError, match="they differ in split: test and train; n_fake: 10 and 1,000"):
        choose(runs, None)


def test_another_seed_and_version_are_no_other_protocol(make: MakeRun) -> None:
    runs = [make("a", final={"fid": 1.0}), make("b", final={"fid": 2.0}, seed=7, versions={"torch": "9"})]
    assert len(choose(runs, None)[0]) == 2


def test_no_scores_at_all_are_an_error(make: MakeRun) -> None:
    with pytest.raises(
        UserError, match=r"no run has scores \(runs found: 2\); compute them with gan-lab evaluate RUN_FOLDER"
    ):
        choose([make("a"), make("b")], None)


def test_damaged_scores_are_named(make: MakeRun) -> None:
    run = make("a", evaluations=({},))
    (file,) = (run.folder / "evaluations").iterdir()
    file.write_text("{")
    with pytest.raises(UserError, match=f"{file} can't be read"):
        records(run)
    run.update_record(scores={"values": {}})
    with pytest.raises(UserError, match=r"run\.json: its scores can't be read"):
        records(run)
