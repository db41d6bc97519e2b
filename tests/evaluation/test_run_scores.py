from pathlib import Path

import pytest

from gan_lab.evaluation.run_scores import choose, find, records
from gan_lab.utils.errors import UserError
from tests.evaluation.conftest import MakeRun, scores


def test_runs_are_found_at_any_depth_and_once(make: MakeRun, tmp_path: Path) -> None:
    runs = [make("runs/b"), make("runs/a"), make("sweeps/0/1")]
    make("runs/a/samples/not_a_run")
    found, left_out = find([tmp_path / "logs", tmp_path / "logs" / "runs", runs[1].folder])
    assert not left_out
    assert [run.folder for run in found] == [run.folder for run in (runs[1], runs[0], runs[2])]


def test_what_holds_no_run_is_named(make: MakeRun, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty: contains no run"):
        find([tmp_path / "empty"])
    with pytest.raises(UserError, match="/nowhere: no such folder"):
        find([Path("/nowhere")])


def test_a_run_that_cant_be_opened_is_left_out(make: MakeRun, tmp_path: Path) -> None:
    whole, half = make("whole"), make("half")
    half.config_file.unlink()
    with pytest.raises(UserError, match="half is not a run folder: it has no .hydra/config.yaml"):
        find([half.folder])
    runs, left_out = find([tmp_path / "logs"])
    assert [run.folder for run in runs] == [whole.folder]
    assert list(map(str, left_out)) == [f"Left out: {half.folder} is not a run folder: it has no .hydra/config.yaml"]


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
    assert [str(one) for one in without] == [f"Left out: {runs[1].folder}: no scores (finished)"]


def test_a_protocol_can_be_picked(make: MakeRun) -> None:
    runs = [make("a", final={"fid": 1.0}, evaluations=({"n_fake": 99},)), make("b", final={"fid": 2.0})]
    wanted = scores({}, 0, n_fake=99).protocol.id
    scored, without = choose(runs, wanted[:5])
    assert [(one.run, one.scores.values["fid"]) for one in scored] == [(runs[0], 9.0)]
    assert [one.folder for one in without] == [runs[1].folder]
    with pytest.raises(UserError, match=rf"--protocol zzz: no run has scores of this protocol\. Available: .*{wanted}"):
        choose(runs, "zzz")


def test_of_one_protocol_the_last_checkpoint_goes_before_the_best(make: MakeRun) -> None:
    run = make("a", evaluations=({"values": {"fid": 8.0}, "seen": 320},))
    (file,) = (run.folder / "evaluations").iterdir()
    best = file.rename(file.with_stem(f"{file.stem}_best"))
    assert choose([run], None)[0][0].scores.images_seen == 320
    file.write_text(best.read_text().replace("320", "640"))
    assert choose([run], None)[0][0].scores.images_seen == 640


def test_the_protocol_that_most_runs_have_is_compared_and_the_others_are_named(make: MakeRun) -> None:
    odd = make("a", final={"fid": 1.0}, n_fake=1000, split="train")
    runs = [odd, make("b", final={"fid": 2.0}), make("c", evaluations=({"n_fake": 99}, {}))]
    scored, left_out = choose(runs, None)
    assert [(one.run, one.scores.values["fid"]) for one in scored] == [(runs[1], 2.0), (runs[2], 9.0)]
    own = odd.record()["scores"]["protocol"]["id"]
    assert list(map(str, left_out)) == [
        f"Left out: {odd.folder}: scores of protocol {own} (split: test and train; n_fake: 10 and 1,000); "
        f"--protocol {own} compares those"
    ]


def test_of_two_protocols_that_all_runs_have_that_of_their_ends_is_compared(make: MakeRun) -> None:
    runs = [make(name, final={"fid": 1.0}, evaluations=({"n_fake": 9},), n_fake=99) for name in ("a", "b")]
    assert [one.scores.values["fid"] for one in choose(runs, None)[0]] == [1.0, 1.0]


def test_scores_that_cant_be_read_leave_a_run_out(make: MakeRun) -> None:
    runs = [make(name, final={"fid": 1.0}) for name in ("a", "b", "c")]
    runs[0].record_file.write_text('{"status": ')
    runs[1].update_record(scores={"values": 1})
    scored, left_out = choose(runs, None)
    assert [one.run for one in scored] == [runs[2]]
    assert [str(one).partition(" can't be read")[0] for one in left_out] == [
        f"Left out: {runs[0].record_file}",
        f"Left out: {runs[1].record_file}: its scores",
    ]


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


def test_scores_of_classes_in_equal_numbers_are_told_from_those_of_the_datas_frequencies(make: MakeRun) -> None:
    plain, new = make("plain", final={"fid": 1.0}), make("new", "model=cgan", final={"fid": 2.0}, labels="data")
    old, even = (make(name, "model=cgan", final={"fid": 3.0}) for name in ("old", "even"))
    even.update_record(data={"class_images": [9, 9]})
    scored, left_out = choose([plain, new, old, even], None)
    assert [one.run for one in scored] == [plain, new, even]
    (one,) = left_out
    assert one.folder == old.folder
    assert "labels: None and in turn" in one.reason
