"""What the pages show exists: the variant, the tables, the links."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from omegaconf import OmegaConf

from gan_lab.config.schema import build
from gan_lab.penalties import R1
from tests.conftest import CONF, REPOSITORY, composed, fit, same, tiny_gan, weights
from tests.docs.conftest import blocks

README = (REPOSITORY / "README.md").read_text()
TRAIN = (REPOSITORY / "docs" / "train.md").read_text()
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")


def test_the_variant_is_short_and_trains(bgan: ModuleType) -> None:
    assert len((blocks("python")[0] + blocks("yaml")[0]).splitlines()) < 30
    model = tiny_gan(bgan.BGAN, penalty={"r1": R1(gamma=1.0)})
    before = weights(model)
    logged = fit(model, max_steps=2, log_every_n_steps=1).callback_metrics
    assert not same(weights(model.generator), {k[10:]: v for k, v in before.items() if k.startswith("generator.")})
    assert logged["loss/discriminator/r1"] > 0, "what it does not say stays as it is"


def test_the_variants_own_test_passes(bgan: ModuleType) -> None:
    names: dict[str, object] = {}
    exec(blocks("python")[1], names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    test()  # type: ignore[operator]


def test_its_configuration_is_only_its_difference(bgan: ModuleType) -> None:
    own = OmegaConf.create(blocks("yaml")[0])
    assert own.defaults == ["dcgan", "_self_"]
    assert (CONF / "model" / "dcgan.yaml").exists()
    model = build(composed("model=dcgan", f"model._target_={own._target_}").model)
    assert type(model).__name__ == "BGAN"


def choices(group: str) -> set[str]:
    return {path.stem for path in (CONF / group).glob("*.yaml")}


def test_the_groups_table_lists_every_choice() -> None:
    table = TRAIN.partition("| group | choices |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| `([a-z/]+)` \| (.*) \|$", table, re.MULTILINE))
    named = {group: set(re.findall(r"`([a-z0-9_]+)`", text)) for group, text in rows.items()}
    models = named.pop("model")
    assert {"vanilla", "cgan", "r3gan"} <= models <= choices("model"), "a variant of one's own needs no line here"
    for group, names in named.items():
        assert choices(group) <= names, group
    groups = {str(path.parent.relative_to(CONF)) for path in CONF.glob("*/**/*.yaml")}
    assert groups - {"hydra", "hydra/job_logging"} == rows.keys()


def test_every_recipe_is_in_the_table_of_variants() -> None:
    table = README.partition("| `model=` |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| .* \| `experiment=([a-z0-9_]+)` \|$", table, re.MULTILINE)
    assert {experiment for _, experiment in rows} == choices("experiment") - {"base", "quickstart"}
    for model, experiment in rows:
        assert composed(f"experiment={experiment}").model._target_ == composed(f"model={model}").model._target_


def test_the_number_of_variants_is_that_of_the_table() -> None:
    table = README.partition("| `model=` |")[2].partition("\n\n")[0]
    models = set(re.findall(r"^\| `([a-z0-9_]+)` \|", table, re.MULTILINE))
    assert models <= choices("model")
    words = {10: "ten", 11: "eleven", 12: "twelve", 13: "thirteen", 14: "fourteen", 15: "fifteen", 16: "sixteen"}
    assert f"- **{words[len(models)].capitalize()} variants**" in README
    assert f" {words[len(models)]} variants" in (REPOSITORY / "CITATION.cff").read_text()


def test_the_readme_is_read_in_one_go() -> None:
    assert len(README.splitlines()) <= 120


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for link, source in LINK.findall(page.read_text()):
            if not (link or source).startswith("http"):
                yield page, link or source


@pytest.mark.parametrize(("page", "link"), list(links()), ids=lambda part: getattr(part, "name", part))
def test_a_link_leads_somewhere(page: Path, link: str) -> None:
    name, _, anchor = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    assert target.exists()
    if anchor:
        headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
        assert anchor in {re.sub(r"[^a-z0-9_ -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nobody_is_sent_to_another_project_of_this_name(page: Path) -> None:
    assert not re.search(r"pip install \S*gan-lab(?!-lightning)", page.read_text()), (
        "gan-lab on PyPI is not this project"
    )
