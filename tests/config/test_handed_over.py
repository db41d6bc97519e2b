"""Objects that stand in a configuration: found while they are handed over, and by no other name."""

from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf
from torch import nn

from gan_lab.config import allowed, handed_over, schema
from gan_lab.config.handed_over import HandedOver, handing_over, target_of
from gan_lab.losses import Hinge, Objective
from gan_lab.utils.errors import UserError
from tests.conftest import composed

PATH = "model.objective"


class Mine(Hinge):
    """Importable by its name."""


def local() -> type[Objective]:
    class Local(Hinge):
        """Nobody finds it by its name."""

    return Local


def test_a_class_that_can_be_imported_has_its_own_name_and_others_one_that_leads_nowhere() -> None:
    assert target_of(PATH, Mine) == "tests.config.test_handed_over.Mine"
    assert target_of(PATH, Mine()) == f"python:{PATH}:tests.config.test_handed_over.Mine"
    assert target_of(PATH, local()).startswith(f"python:{PATH}:tests.config.test_handed_over.local.<locals>")


def node(target: str, **options: object) -> DictConfig:
    return OmegaConf.create({"_target_": target, **options})


@pytest.mark.parametrize("thing", [Mine, local(), Mine()])
def test_it_is_built_while_it_is_handed_over_and_refused_before_and_after(thing: object) -> None:
    target = target_of(PATH, thing)
    objects = {target: HandedOver(Mine, lambda: thing() if isinstance(thing, type) else thing)}
    for _ in range(2):
        with pytest.raises(UserError):
            allowed.resolve(target, PATH)
        with handing_over(objects):
            assert allowed.resolve(target, PATH) is Mine
            built = schema.build(OmegaConf.create({"inside": [node(target)]}))["inside"][0]
            assert built is thing if not isinstance(thing, type) else isinstance(built, thing)
        assert handed_over.find(target) is None


def test_what_is_missing_is_named_with_the_argument_that_takes_it() -> None:
    for path, argument in {
        "model.network.generator": r"networks=\(generator, discriminator\)",
        "model.objective": "loss=...",
        "model": "model=...",
        "callbacks.counter": r"callbacks=\[...\]",
    }.items():
        target = f"python:{path}:__main__.Thing"
        with pytest.raises(UserError, match=f"^{path} is an object of a Python program, __main__.Thing: .*{argument}"):
            schema.build(node(target))
        with pytest.raises(UserError, match=argument):
            schema.build(OmegaConf.create({"inside": node(target)}))


def test_an_object_stands_only_where_its_kind_belongs_and_takes_no_options() -> None:
    config = composed()
    config.model.objective = {"_target_": "python:model.objective:__main__.Net"}
    schema.check(config)  # not there: whoever builds it is told
    objects = {"python:model.objective:__main__.Net": HandedOver(nn.Identity, nn.Identity)}
    with handing_over(objects), pytest.raises(UserError, match="not a subclass of Objective"):
        schema.check(config)
    config.model.objective = {"_target_": "python:model.objective:__main__.Net", "margin": 1}
    fitting = {"python:model.objective:__main__.Net": HandedOver(Mine, Mine)}
    with handing_over(fitting), pytest.raises(UserError, match="model.objective.margin: Mine is an object"):
        schema.check(config)


def test_a_name_alone_builds_nothing_of_a_strangers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python:model.py").write_text(f"open({str(tmp_path / 'executed')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    with handing_over({"python:model:__main__.Mine": HandedOver(Mine, Mine)}):
        for target in ("python:model.Mine", "python:os.system", "python:model.objective:os.system"):
            with pytest.raises(UserError, match="is an object of a Python program"):
                schema.build(node(target))
            with pytest.raises(UserError, match="is an object of a Python program"):
                schema.build(OmegaConf.create({"inside": [node(target)]}))
        with pytest.raises(UserError, match="not a class that a configuration may instantiate"):
            allowed.resolve("os.system", "x")
    assert not (tmp_path / "executed").exists()
