"""What SECURITY.md promises: opening a stranger's run executes none of his code, and only downloads use the network."""

import ast
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf, read_write

from gan_lab.cli import main
from gan_lab.config.allowed import ALLOWED_CLASSES, resolve
from gan_lab.config.own_code import seal
from gan_lab.config.saved_config import refuse_hostile
from gan_lab.config.schema import check
from gan_lab.evaluation.groups import name_parts
from gan_lab.runs.resume import load_job_config, load_run_config
from gan_lab.runs.run import Run
from gan_lab.utils.errors import UserError
from gan_lab.utils.own_key import KEEP
from tests.conftest import CONF, QUICK, REPOSITORY, Command, composed

SOURCES = [*sorted((REPOSITORY / "gan_lab").rglob("*.py")), REPOSITORY / "train.py"]
RUNS_CODE = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code", "codeop", "runpy"}
NETWORK = {"socket", "http", "urllib", "requests", "ftplib", "smtplib"}
# The one that fetches, and the one that listens on this machine alone.
ON_THE_NETWORK = {REPOSITORY / "gan_lab" / path for path in ("utils/download.py", "sharing/serve.py")}
TO_SERVERS = {"wandb": "training/wandb_logger.py", "mlflow": "training/mlflow_logger.py"}  # packages, and who uses them


def nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def imported(path: Path) -> set[str]:
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def calls(path: Path) -> Iterator[tuple[str, dict[str, object]]]:
    """The calls in a file: what is called, and the keyword arguments that are constants."""
    for node in nodes(path):
        if isinstance(node, ast.Call):
            constants = {
                keyword.arg: keyword.value.value
                for keyword in node.keywords
                if keyword.arg and isinstance(keyword.value, ast.Constant)
            }
            yield ast.unparse(node.func), constants


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_nothing_in_the_package_runs_what_a_file_says(path: Path) -> None:
    assert not imported(path) & RUNS_CODE
    assert path in ON_THE_NETWORK or not imported(path) & NETWORK
    assert {package for package, user in TO_SERVERS.items() if package in imported(path)} == {
        package for package, user in TO_SERVERS.items() if path == REPOSITORY / "gan_lab" / user
    }
    for name, options in calls(path):
        assert name not in {"eval", "exec", "compile", "__import__", "os.system", "os.popen", "torch.hub.load"}
        assert options.get("shell") is not True, name
        assert options.get("allow_pickle") is not True, name
        if name.endswith("torch.load"):
            assert options.get("weights_only") is True
        if name.endswith(".fit") and "trainer" in name:
            assert options.get("weights_only") is True
        if name.startswith("yaml."):
            assert name in {"yaml.parse"}, name
        if name.startswith("hydra.utils.") or name.endswith("import_module"):
            assert path.name in {"allowed.py", "schema.py", "custom_extractor.py"}, name


def test_every_class_that_may_be_named_is_there() -> None:
    for package, names in ALLOWED_CLASSES.items():
        for name in names.split():
            assert resolve(f"{package}.{name}", "x").__name__ == name


@pytest.mark.parametrize(
    "target",
    [
        "lightning.pytorch.loggers.logger.os.system",
        "lightning.pytorch.callbacks.model_checkpoint.shutil.rmtree",
        "gan_lab.runs.run.subprocess.run",
        "gan_lab.runs.run.subprocess.Popen",
        "gan_lab.config.schema.hydra.utils.get_method",
        "gan_lab.utils.download.urlopen",
        "gan_lab.data.mnist.gzip.GzipFile",
        "gan_lab.runs.run.Path",
        "lightning.pytorch.callbacks.LambdaCallback",  # calls anything that it is given
        "lightning.pytorch.callbacks.ModelCheckpoint",  # writes anywhere
        "lightning.pytorch.loggers.WandbLogger",  # talks to a server
        "torch.optim.Optimizer.load_state_dict",
        "torch.optim.lr_scheduler.LambdaLR",
    ],
)
def test_aliases_and_dangerous_classes_can_not_be_named(target: str) -> None:
    with pytest.raises(UserError, match="not a class that a configuration may instantiate"):
        resolve(target, "model._target_")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["callbacks.samples._target_=gan_lab.runs.run.Run"], "not a subclass of Callback"),
        (["+trainer._args_=[1]"], "trainer._args_: Trainer has no such option"),
        (["+model._partial_=true"], "model._partial_: must be false"),
        (["model.optimizer.generator._partial_=false"], "model.optimizer.generator._partial_: must be true"),
        (["model.network.generator._target_=gan_lab.losses.Hinge"], "not a subclass of Module"),
        (["model.optimizer.generator._target_=gan_lab.losses.Hinge"], "not a subclass of Optimizer"),
        (["+trainer.plugins=[{_target_: os.system}]"], "os.system: not a class"),
    ],
)
def test_a_class_stands_only_where_it_belongs(overrides: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        check(composed(*overrides))


class Payload:
    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (Path("executed"),)


def test_hydras_own_files_in_a_run_folder_are_not_read(command: Command, run: Run) -> None:
    """Only config.yaml counts, of which Hydra's part is refused; the others are notes of how the run began."""
    hostile = {
        "searchpath": ["file:///nowhere"],
        "launcher": {"_target_": "os.system"},
        "sweeper": {"_target_": "os.system"},
        "callbacks": {"x": {"_target_": "os.system", "command": "touch executed"}},
        "job": {"env_set": {"EXECUTED": "1"}},
        "job_logging": {"version": 1, "handlers": {"x": {"()": "os.system", "command": "touch executed"}}},
    }
    for name in ("hydra.yaml", "overrides.yaml"):
        OmegaConf.save({"hydra": hostile}, run.folder / ".hydra" / name)
    run.update_record(batches=6000, images_seen=640)
    assert command(f"resume={run.folder}") is None
    config = OmegaConf.load(run.config_file)
    OmegaConf.save(OmegaConf.merge(config, {"hydra": hostile}), run.config_file)
    assert "has a group hydra, which is unknown to gan_lab" in str(command(f"resume={run.folder}"))
    with pytest.raises(UserError, match="hydra: the configuration has no such option"):
        run.load_model()
    assert not list(Path().rglob("executed"))


def test_hostile_checkpoints_run_nothing_wherever_they_lie(
    command: Command, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in (run.checkpoint, run.best, Path("images.pt")):
        torch.save({"state_dict": Payload(), "images_seen": Payload()}, file)
    for arguments in (
        ["sample", str(run.folder)],
        ["sample", str(run.folder), "--checkpoint", "best"],
        ["evaluate", str(run.folder)],
        ["evaluate", "images.pt", "--data", "mnist"],
    ):
        with pytest.raises(SystemExit, match="it holds more than tensors and plain values"):
            main(arguments)
    assert "it holds more than tensors" in str(command(f"resume={run.folder}"))
    assert not list(Path().rglob("executed"))


def test_a_run_writes_inside_its_folder_unless_the_command_line_says_otherwise(command: Command, run: Run) -> None:
    config = OmegaConf.load(run.config_file)
    OmegaConf.update(config, "callbacks.samples.folder", f"{run.folder.parent}/elsewhere")
    OmegaConf.update(config, "run_dir", "/home/me")  # what is saved there doesn't count
    OmegaConf.save(config, run.config_file)
    run.update_record(batches=6000, images_seen=640)
    assert "samples.folder=" in str(command(f"resume={run.folder}"))
    assert command(f"resume={run.folder}", f"callbacks.samples.folder={run.folder.parent}/elsewhere") is None


def test_links_out_of_a_run_folder_are_refused(command: Command, run: Run, tmp_path: Path) -> None:
    run.update_record(batches=6000, images_seen=640)
    (tmp_path / "precious").write_text("mine")
    (run.folder / "train.log").symlink_to(tmp_path / "precious")
    assert "train.log leads out of" in str(command(f"resume={run.folder}"))
    assert (tmp_path / "precious").read_text() == "mine"
    (run.folder / "train.log").unlink()
    (run.folder / "latest.ckpt").symlink_to("checkpoints/last.ckpt")
    assert command(f"resume={run.folder}") is None


def hostile(run: Run, option: str, value: object) -> None:
    config = OmegaConf.load(run.config_file)
    OmegaConf.update(config, option, value, force_add=True)
    OmegaConf.save(config, run.config_file)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("logger.tensorboard.folder", "ftp://127.0.0.1/x", "leads to a server"),
        ("logger.tensorboard.folder", "simplecache::ftp:x", "leads to a server"),
        ("logger.csv.name", "../../mine", "must be a plain name"),
        ("logger.csv.name", "a/b", "must be a plain name"),
        ("logger.csv.version", "..", "must be a plain name"),
        ("trainer.profiler.filename", "x/../../mine", "must be a plain name"),
        ("callbacks.progress.elsewhere", "/mine", "lies outside the run folder"),
    ],
)
def test_paths_of_a_strangers_run_lead_nowhere_else(option: str, value: str, message: str, run: Run) -> None:
    hostile(run, option, value)
    with pytest.raises(UserError, match=f"{option}=.*{message}"):
        refuse_hostile(run.config(), run.folder, [])
    refuse_hostile(run.config(), run.folder, [option])  # typed


SERVERS = {
    "wandb": {
        "_target_": "gan_lab.training.wandb_logger.WandB",
        "folder": "${run_dir}",
        "project": "x",
        "entity": "stranger",
        "name": None,
    },
    "mlflow": {
        "_target_": "gan_lab.training.mlflow_logger.MLflow",
        "tracking_uri": None,
        "folder": "logs/mlflow",
        "experiment": "x",
        "name": None,
    },
}


@pytest.mark.parametrize("kind", SERVERS)
@pytest.mark.parametrize("place", ["logger.csv", "logger.any_name", "callbacks.samples.inner", "trainer.logger"])
@pytest.mark.parametrize("typed", [[], ["logger.csv"], ["logger.csv.project", "logger.any_name._target_"]])
def test_no_server_hears_of_a_strangers_run(kind: str, place: str, typed: list[str], run: Run) -> None:
    hostile(run, place, SERVERS[kind])  # type: ignore[arg-type]
    with pytest.raises(UserError, match=f"{place}: may contact a server, which someone else's run.* {KEEP}$"):
        refuse_hostile(run.config(), run.folder, typed)


@pytest.mark.parametrize(
    ("part", "target"),
    [
        ("logger.csv", "lightning.pytorch.loggers.CSVLogger"),
        ("logger.other", "gan_lab.training.loggers.TensorBoardLogger"),  # by way of ours
        ("trainer.profiler", "lightning.pytorch.profilers.SimpleProfiler"),
    ],
)
def test_what_opens_files_by_itself_does_so_in_ones_own_runs_alone(part: str, target: str, run: Run) -> None:
    hostile(run, part, {"_target_": target})
    with pytest.raises(UserError, match=f"^{part}: {target.rpartition('.')[2]} opens files by itself.* {KEEP}$"):
        refuse_hostile(run.config(), run.folder, [])
    refuse_hostile(run.config(), run.folder, [part])  # typed
    seal(run.config_file)
    refuse_hostile(run.config(), run.folder, [])


@pytest.mark.parametrize("alias", ["gan_lab.training.wandb_logger.Logger", "gan_lab.training.mlflow_logger.Logger"])
def test_nor_under_another_name(alias: str) -> None:
    with pytest.raises(UserError, match="not a class that a configuration may instantiate"):
        resolve(alias, "logger.x._target_")


def test_loggers_that_are_typed_replace_those_of_a_strangers_run(run: Run) -> None:
    """Not even a stranger's options of the same logger are left."""
    hostile(run, "logger.wandb", SERVERS["wandb"])  # type: ignore[arg-type]
    hostile(run, "logger.mlflow", SERVERS["mlflow"] | {"tracking_uri": "x"})  # type: ignore[arg-type]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        typed = [f"resume={run.folder}", "logger=[csv,wandb]", "logger.wandb.project=mine"]
        config = compose("train", typed, return_hydra_config=True)
        load_run_config(config)
    assert set(config.logger) == {"csv", "wandb"}
    assert (config.logger.wandb.project, config.logger.wandb.entity) == ("mine", None)
    assert config.logger.wandb.folder == str(run.folder)


@pytest.mark.parametrize("typed", [[], ["~logger"], ["logger.wandb.project=mine"], ["trainer.max_steps=9"]])
def test_whatever_else_is_typed_lets_no_server_in(typed: list[str], run: Run) -> None:
    hostile(run, "logger.wandb", SERVERS["wandb"])  # type: ignore[arg-type]
    known = [line for line in typed if "wandb" not in line]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"resume={run.folder}", *known], return_hydra_config=True)
    with read_write(config.hydra):
        config.hydra.overrides.task = [f"resume={run.folder}", *typed]
    with pytest.raises(UserError, match="may contact a server|keeps its groups"):
        load_run_config(config)


@pytest.mark.parametrize(
    ("typed", "left"),
    [([], None), (["~logger"], set()), (["logger=csv"], {"csv"}), (["logger=[csv,wandb]"], {"csv", "wandb"})],
)
def test_nor_does_a_job_of_a_strangers_sweep(typed: list[str], left: set[str] | None, run: Run) -> None:
    hostile(run, "logger.evil", SERVERS["wandb"])  # type: ignore[arg-type]
    hostile(run, "logger.wandb", SERVERS["wandb"])  # type: ignore[arg-type]
    if left is None:
        with pytest.raises(UserError, match="may contact a server"):
            load_job_config(run, composed(*typed), typed)
        return
    begun = load_job_config(run, composed(*typed), typed)
    assert set(begun.logger) == left
    assert "wandb" not in left or begun.logger.wandb.entity is None


def test_a_runs_own_cache_is_not_believed_and_nothing_is_fetched_for_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile(run, "callbacks.scores.cache", "${run_dir}/cache")
    hostile(run, "data.cache", f"{run.folder.parent}/thesis")
    hostile(run, "data.download", "true")
    hostile(run, "callbacks.scores.download", "true")
    hostile(run, "callbacks.other", {"_target_": "gan_lab.callbacks.scores.Scores", "download": True})
    config = run.config()
    assert config.callbacks.scores.cache == str(Path("data/cache").absolute())
    for part in (config.data, config.callbacks.scores, config.callbacks.other):
        assert part.download is False
    hostile(run, "callbacks.other", None)
    monkeypatch.chdir(run.folder)  # where data/cache is the stranger's, too
    monkeypatch.setenv("XDG_CACHE_HOME", "/home/me/.cache")
    assert Run(".").config().callbacks.scores.cache == "/home/me/.cache/gan_lab"
    OmegaConf.save(composed("data=image_folder", "data.root=x", "data.cache=/home/me"), run.config_file)
    assert run.config().data.cache == "/home/me/.cache/gan_lab"


def test_nothing_that_lies_beside_a_configuration_is_resolved(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    OmegaConf.save(["model.n_critic=${oc.env:SECRET}"], run.overrides_file)
    OmegaConf.save({"hydra": {"runtime": {"choices": {"model": "${oc.env:SECRET}"}}}}, run.hydra_file)
    assert run.overrides() == ["model.n_critic=${oc.env:SECRET}"]
    assert run.choices() == {"model": "${oc.env:SECRET}"}
    assert name_parts(run) == ["${oc.env:SECRET}", "model.n_critic=${oc.env:SECRET}"]
    main(["status", str(run.folder.parent)])
    shown = capsys.readouterr()
    assert "${oc.env:SECRET}" in shown.out
    assert "hunter2" not in shown.out + shown.err
    with pytest.raises(UserError, match="would be taken for a reference"):
        Run(run.folder.rename(run.folder.parent / "${oc.env:SECRET}")).config()


def test_an_evaluation_writes_through_no_link(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    run.evaluations.symlink_to(tmp_path / "mine")
    with pytest.raises(SystemExit, match="evaluations leads out of"):
        main(["evaluate", str(run.folder)])
    assert not list((tmp_path / "mine").iterdir())


def test_a_sweep_of_a_stranger_is_checked_like_each_of_its_runs(command: Command, tmp_path: Path) -> None:
    sweep = ["-m", *(option for option in QUICK if not option.startswith("hydra")), "sweep.dir=sweep", "seed=1"]
    assert command(*sweep) is None
    run = Run("sweep/0")
    run.update_record(status="interrupted")
    hostile(run, "callbacks.samples.folder", str(tmp_path / "mine"))
    assert "lies outside the run folder" in str(command(*sweep))
    assert not Path("mine").exists()
    Path("mine").mkdir()
    Path("sweep/1").symlink_to(tmp_path / "mine")
    assert "sweep/1 leads out of sweep" in str(command(*sweep))
    assert not list(Path("mine").iterdir())


def test_nothing_but_a_download_touches_the_network(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was touched")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    for name in ("create_connection", "getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, refuse)
    scored = [argument for argument in QUICK if argument != "callbacks.scores=null"]
    scores = (
        "every_n_images=384",
        "count_during=8",
        "real_during=64",
        "count=8",
        "groups=[fid]",
        "groups_during=[fid]",
    )
    assert command(*scored, *(f"callbacks.scores.{score}" for score in scores)) is None
    main(["sample", "run", "--count", "4"])
    main(["evaluate", "run", "--count", "8"])
    main(["compare", "run"])
    assert {"samples.png", "run"} <= {path.name for path in Path().iterdir()}


def test_documented_dashboards_listen_on_localhost() -> None:
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md"), *SOURCES]
    commands = [
        line for page in pages for line in page.read_text(encoding="utf-8").splitlines() if "tensorboard --" in line
    ]
    assert commands
    assert not [line for line in commands if "--bind_all" in line or "--host" in line]
