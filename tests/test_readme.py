"""What the README shows works as shown."""

import re
import sys
from types import ModuleType

import pytest
import torch
from omegaconf import OmegaConf

from gan_lab.config.schema import build
from gan_lab.penalties import R1
from tests.conftest import CONF, REPOSITORY, composed, fit, same, tiny_gan, weights

README = (REPOSITORY / "README.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", README, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def bgan(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The README's variant, as the file that it is said to be."""
    module = ModuleType("gan_lab.models.bgan")
    exec(block("python"), vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_the_variant_is_short_trains_and_minimises_what_it_says(bgan: ModuleType) -> None:
    assert len((block("python") + block("yaml")).splitlines()) < 30
    model = tiny_gan(bgan.BGAN, penalty={"r1": R1(gamma=1.0)})
    before = weights(model)
    logged = fit(model, max_steps=2, log_every_n_steps=1).callback_metrics
    assert not same(weights(model.generator), {k[10:]: v for k, v in before.items() if k.startswith("generator.")})
    assert logged["loss/discriminator/r1"] > 0, "what it does not say stays as it is"
    fake = torch.randn(5, 1, 8, 8, dtype=torch.float64)
    model.double()
    probability = model.discriminator(fake).sigmoid()
    expected = (probability.log() - (1 - probability).log()).square().mean() / 2
    torch.testing.assert_close(model.generator_terms(fake, fake, ())["adversarial"], expected)


def test_its_configuration_is_only_its_difference(bgan: ModuleType) -> None:
    own = OmegaConf.create(block("yaml"))
    assert own.defaults == ["dcgan", "_self_"]
    assert (CONF / "model" / "dcgan.yaml").exists()
    model = build(composed("model=dcgan", f"model._target_={own._target_}").model)
    assert type(model) is bgan.BGAN


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
