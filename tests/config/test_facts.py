"""Facts are stated where options are declared; here is what follows for every option of the shipped configurations."""

import inspect
from importlib import import_module

import pytest

from gan_lab.config.allowed import ALLOWED_CLASSES, resolve
from gan_lab.config.facts import FOREIGN_OUTPUTS, facts_about, options_with
from gan_lab.config.schema import parameters
from gan_lab.utils.types import HARMLESS, Fact, OnResume
from tests.conftest import REPOSITORY, composed

FOLDERS = ("data=unpaired_folders", "data.domain_a=a", "data.domain_b=b", "model=cyclegan")


@pytest.mark.parametrize(
    ("overrides", "paths"),
    [
        ((), {"data.root"}),
        (("data=stacked_mnist",), {"data.root"}),
        (("data=mnist_colors", "model=cyclegan"), {"data.root"}),
        (("data=image_folder", "data.root=images"), {"data.root", "data.cache", "data.labels"}),
        (FOLDERS, {"data.domain_a", "data.domain_b", "data.root", "data.cache"}),
        (
            ("data=paired_folders", "data.source=a", "data.target=b"),
            {"data.source", "data.target", "data.root", "data.cache"},
        ),
    ],
)
def test_paths_to_what_a_run_reads(overrides: tuple[str, ...], paths: set[str]) -> None:
    assert set(options_with(Fact.INPUT_PATH, composed(*overrides))) == {*paths, "callbacks.scores.cache", "init_from"}


def test_paths_to_what_a_run_writes() -> None:
    assert options_with(Fact.OUTPUT_PATH, composed()) == [
        "callbacks.samples.folder",
        "callbacks.best.file",
        "callbacks.checkpoint.file",
        "logger.tensorboard.folder",
        "logger.csv.file",
    ]


def test_other_packages_paths_go_by_their_name() -> None:
    """Whatever a class that may be named calls a place to write to, nested in whatever part."""
    config = composed(
        "+trainer.profiler={_target_: lightning.pytorch.profilers.SimpleProfiler, dirpath: x, filename: y}",
        "+logger.other={_target_: lightning.pytorch.loggers.CSVLogger, save_dir: x}",
        "+callbacks.other={_target_: somebody.Callback, file: x, folder: y}",
    )
    found = {path for path in options_with(Fact.OUTPUT_PATH, config) if "other" in path or "profiler" in path}
    assert found == {
        "trainer.profiler.dirpath",
        "logger.other.save_dir",
        "callbacks.other.file",
        "callbacks.other.folder",
    }
    for package in ("lightning.pytorch.loggers", "lightning.pytorch.profilers"):
        for name in ALLOWED_CLASSES[package].split():
            options = inspect.signature(resolve(f"{package}.{name}", "x")).parameters
            places = {option for option in options if option.endswith(("dir", "dirpath", "file", "folder", "path"))}
            assert places - {"sub_dir"} <= {"save_dir", "dirpath"}, "sub_dir lies below save_dir"


def test_what_makes_no_other_setup() -> None:
    found = options_with(Fact.INCIDENTAL, composed())
    assert {path for path in found if path.partition(".")[0] not in ("callbacks", "logger", "sweep")} == {
        *("seed", "resume", "run_dir", "run", "notes"),
        *("data.root", "data.download", "data.fallback"),
        *("trainer.accelerator", "trainer.log_every_n_steps", "trainer.deterministic", "trainer.detect_anomaly"),
        *("trainer.profiler", "trainer.enable_progress_bar", "trainer.enable_model_summary", "trainer.cuda_graphs"),
    }
    assert {"callbacks.health.policy", "logger.csv._target_", "sweep.jobs_per_device"} <= set(found)


def test_folders_of_images_are_told_apart_by_their_place() -> None:
    """Unlike MNIST, which is the same wherever it lies."""
    found = options_with(Fact.INCIDENTAL, composed(*FOLDERS))
    assert [path for path in found if path.startswith("data.")] == ["data.cache"]


def test_the_innermost_statement_of_a_resume_comes_last() -> None:
    config = composed("+data.own={_target_: somebody.Dataset}")

    def effects(path: str) -> list[OnResume]:
        return [fact for fact in facts_about(config, path) if isinstance(fact, OnResume)]

    assert [effect.breaks for effect in effects("data.batch_size")] == ["different images, or another order"]
    assert effects("trainer.enable_checkpointing") == effects("logger.csv.file") == [HARMLESS]
    assert effects("trainer.max_steps")[-1].only_with_an_end
    assert effects("trainer.nothing") == effects("nowhere") == effects("sweep.dir") == []
    assert effects("callbacks.gone.at_all") == effects("callbacks.gone")
    assert effects("data.own.x") == effects("data.batch_size")


def test_no_class_of_ours_calls_a_path_to_write_to_a_mere_text() -> None:
    """Whatever may stand in a part that writes."""
    declared = 0
    for folder in ("callbacks", "metrics", "training"):
        for source in sorted((REPOSITORY / "gan_lab" / folder).glob("*.py")):
            module = import_module(f"gan_lab.{folder}.{source.stem}")
            for name, own in inspect.getmembers(module, inspect.isclass):
                if own.__module__ != module.__name__ or own is getattr(module, "Parts", None):
                    continue
                if "__init__" not in vars(own):  # a library's signature: FOREIGN_OUTPUTS has its paths
                    continue
                for option in (FOREIGN_OUTPUTS | {"cache"}) & parameters(own)[0].keys():
                    config = {"callbacks": {"own": {"_target_": f"{module.__name__}.{name}"}}}
                    facts = facts_about(config, f"callbacks.own.{option}")
                    assert {Fact.OUTPUT_PATH, Fact.INPUT_PATH} & set(facts), f"{name}.{option}"
                    declared += 1
    assert declared >= 6
