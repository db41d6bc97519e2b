"""The site of the documentation: its contents, its links, the advice on its pages. `make docs` builds it."""

import re
import runpy
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from gan_lab.callbacks.alarm import HELPS
from gan_lab.config import schema
from gan_lab.config.schema import build
from tests.conftest import REPOSITORY, composed

DOCS = REPOSITORY / "docs"
SITE = yaml.safe_load((REPOSITORY / "mkdocs.yml").read_text())
HOOKS = runpy.run_path(str(DOCS / "hooks.py"))
TROUBLE = (DOCS / "trouble.md").read_text()
OPTIONS = re.findall(r"^\d+\. .*?`([a-z][\w./]*=[^`]+)`", TROUBLE, re.MULTILINE)
OPTIONS += re.findall(r"(?:or|digits) `([a-z][\w./]*=[^`]+)`", TROUBLE)
LARGEST = 60_000  # bytes of a picture that a page loads beside others


def pages_of(nav: Any) -> Iterator[str]:
    if isinstance(nav, str):
        yield nav
    else:
        for entry in nav.values() if isinstance(nav, dict) else nav:
            yield from pages_of(entry)


def test_every_page_is_in_the_navigation_once() -> None:
    listed = sorted(pages_of(SITE["nav"]))
    pages = [str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md")]
    assert listed == sorted([*pages, *HOOKS["ROOT_PAGES"]]), "a new page needs its line in mkdocs.yml"


def test_the_site_is_strict_and_fetches_nothing() -> None:
    assert SITE["strict"] is True
    assert SITE["theme"]["font"] is False
    assert set(SITE["validation"]["links"].values()) == {"warn"}, "which strict takes for errors"
    assert not re.search(r"https?://", (REPOSITORY / "mkdocs.yml").read_text())
    assert "/site/" in (REPOSITORY / ".gitignore").read_text().splitlines()


@pytest.mark.parametrize(
    ("page", "link", "on_the_site"),
    [
        ("scores.md", "[why](compare_and_sweep.md#ray)", "[why](compare_and_sweep.md#ray)"),
        ("scores.md", "[why](#inception)", "[why](#inception)"),
        ("scores.md", "[why](https://example.org/a.md)", "[why](https://example.org/a.md)"),
        ("scores.md", "[why](../SECURITY.md#reporting)", "[why](SECURITY.md#reporting)"),
        ("decisions/README.md", "[why](../../SECURITY.md)", "[why](../SECURITY.md)"),
        ("SECURITY.md", "[why](docs/design.md#data)", "[why](design.md#data)"),
        ("scores.md", "[why](../conf/train.yaml)", "[why](URL/conf/train.yaml)"),
        ("decisions/layers.md", "[why](../../tests/x.py)", "[why](URL/tests/x.py)"),
        ("CONTRIBUTING.md", "[why](tests/x.md#a)", "[why](URL/tests/x.md#a)"),
    ],
)
def test_a_link_leads_to_the_same_place_on_the_site(page: str, link: str, on_the_site: str) -> None:
    assert HOOKS["for_the_site"](f"say {link} now", page, "URL") == f"say {on_the_site} now"


def test_a_link_to_the_repository_is_text_where_its_address_is_not_known() -> None:
    assert HOOKS["for_the_site"]("see [it](../conf/train.yaml).", "scores.md", None) == "see it."


@pytest.mark.parametrize(
    ("environment", "url"),
    [
        ({}, None),
        ({"REPOSITORY_URL": "https://example.org/a/b/"}, "https://example.org/a/b/blob/HEAD"),
        ({"GITHUB_REPOSITORY": "a/b", "GITHUB_SHA": "c0ffee"}, "https://github.com/a/b/blob/c0ffee"),
        ({"GITHUB_REPOSITORY": "a/b", "GITHUB_SERVER_URL": "https://x.org"}, "https://x.org/a/b/blob/HEAD"),
    ],
)
def test_the_address_of_the_repository(environment: dict[str, str], url: str | None) -> None:
    assert HOOKS["repository_url"](environment) == url


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: page.name)
def test_a_list_or_table_stands_apart_from_the_line_before(page: Path) -> None:
    """MkDocs, other than GitHub, takes them for the paragraph's text where no empty line precedes."""
    lines = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL).splitlines()
    marked = re.compile(r"(- |\d+\. |\| )")
    for before, line in pairwise(lines):
        if marked.match(line):
            assert not before or before[0] in "#|<- 0123456789", f"an empty line is missing before: {line}"


@pytest.mark.parametrize("options", OPTIONS)
def test_advice_is_configuration_that_works(options: str) -> None:
    config = composed(*shlex.split(options))
    schema.check(config)
    build(config.model)


def test_each_alarm_has_its_symptom_and_the_page_its_advice() -> None:
    assert len(OPTIONS) > 30
    assert [name for name in HELPS if f"`{name}`" not in TROUBLE] == []


def test_pictures_of_good_and_bad_are_small() -> None:
    pictures = [path for folder in ("good_and_bad", "trouble") for path in (DOCS / "images" / folder).iterdir()]
    assert len(pictures) >= 12
    assert all(path.stat().st_size <= LARGEST for path in pictures)
