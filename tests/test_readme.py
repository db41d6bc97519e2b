"""What the README shows works as shown."""

import re
import sys
from types import ModuleType

import pytest
import torch
from omegaconf import OmegaConf

from gan_lab.config import build
from tests.conftest import CONF, REPOSITORY, composed, fit, same, tiny_gan, weights

README = (REPOSITORY / "README.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def lsgan(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The README's variant, as the file that it is said to be."""
    module = ModuleType("gan_lab.models.lsgan")
    exec(block("python"), vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_the_variant_trains_and_minimises_what_it_says(lsgan: ModuleType) -> None:
    model = tiny_gan(lsgan.LSGAN)
    before = weights(model)
    fit(model, max_steps=2, log_every_n_steps=1)
    assert not same(weights(model.generator), {k[10:]: v for k, v in before.items() if k.startswith("generator.")})
    real, fake = torch.zeros(2, 1, 8, 8), torch.ones(2, 1, 8, 8)
    model.score = lambda images, condition: images.mean((1, 2, 3)) * 3 - 1  # -1 for real, 2 for generated images
    model.discriminator.scores_each_image_alone = False
    assert model.discriminator_terms(real, fake, ())["adversarial"].item() == pytest.approx((4 + 4) / 2)
    assert model.generator_terms(real, fake, ())["adversarial"].item() == pytest.approx(1 / 2)


def test_its_configuration_is_only_its_difference(lsgan: ModuleType) -> None:
    own = OmegaConf.create(block("yaml"))
    assert own.defaults == ["dcgan", "_self_"]
    assert (CONF / "model" / "dcgan.yaml").exists()
    model = build(composed("model=dcgan", f"model._target_={own._target_}").model)
    assert type(model) is lsgan.LSGAN


def test_the_groups_table_lists_every_choice() -> None:
    table = README.partition("| group | choices |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `([a-z/]+)` \| (.*) \|$", table, re.MULTILINE))
    for group, text in rows.items():
        choices = {path.stem for path in (CONF / group).glob("*.yaml")} - {"base", "latent"}
        assert choices <= set(re.findall(r"`([a-z0-9_]+)`", text)), group
    groups = {str(path.parent.relative_to(CONF)) for path in CONF.glob("*/**/*.yaml")}
    assert groups - {"hydra", "callbacks", "logger", "model/optimizer"} == rows.keys()


def test_every_variant_has_a_recipe_that_exists() -> None:
    table = README.partition("| `model=` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| .* \| `experiment=([a-z0-9_]+)` \|$", table, re.MULTILINE)
    assert {model for model, _ in rows} == {path.stem for path in (CONF / "model").glob("*.yaml")} - {"base", "latent"}
    for model, experiment in rows:
        assert composed(f"experiment={experiment}").model._target_ == composed(f"model={model}").model._target_
