import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
import torch

from gan_lab.evaluation.groups import group, ranked
from gan_lab.evaluation.page import last_grid, options, picture, render
from gan_lab.evaluation.run_scores import choose
from gan_lab.utils.images import save_png
from tests.evaluation.conftest import MakeRun


class Tags(HTMLParser):
    """Counts tags, and checks that each is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.sources: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def page(make: MakeRun) -> str:
    runs = [
        make(f"{model}{seed}", f"model={model}", f"seed={seed}", final={"fid": fid + seed / 10, "kid": 0.1})
        for model, fid in (("vanilla", 9.0), ("dcgan", 2.0))
        for seed in (1, 2, 3)
    ]
    for run in runs[::2]:
        run.samples.mkdir()
        for seen in (100, 2000):
            save_png(torch.full((3, 4, 4), seen % 255, dtype=torch.uint8), run.samples / f"{seen:09d}.png")
        run.metrics_file.write_text("images_seen,scores/fid\n100,50\n2000,9\n")
    scored, without = choose([*runs, make("<b>left</b>")], None)
    return render(ranked(group(scored)[0], "fid"), ["fid", "kid"], without)


def test_a_page_holds_all_that_it_shows(page: str) -> None:
    tags = Tags(page)
    assert {"table", "svg", "img", "h1"} <= set(tags.seen)
    assert all(source.startswith("data:image/png;base64,") for source in tags.sources)
    assert not re.search(r"<script|<link|@import|url\(", page)
    assert "default-src 'none'" in page
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")


def test_the_best_is_first_and_the_difference_is_said(page: str) -> None:
    assert page.index(">dcgan</th>") < page.index(">vanilla</th>")
    assert "FID is better in dcgan, by more than the seeds&#x27; spread, than in: vanilla by 7.000" in page
    assert page.count("<polyline") >= 2
    assert page.count("<img") == 3
    assert "model._target_" in page


def test_names_are_text_and_no_markup(page: str) -> None:
    assert "<b>left" not in page
    assert "&lt;b&gt;left" in page


def test_equal_options_are_not_listed(make: MakeRun) -> None:
    scored, _ = choose(
        [make("a", "seed=1", final={"fid": 1.0}), make("b", "data.batch_size=8", final={"fid": 2.0})], None
    )
    grouped = group(scored)[0]
    table = options(grouped)
    assert "data.batch_size" in table
    assert ">seed<" not in table
    assert table.count("<tr>") < 5
    assert options(grouped[:1]) == ""


def test_what_is_no_picture_is_not_shown(tmp_path: Path, make: MakeRun) -> None:
    (tmp_path / "a.png").write_text("text")
    assert picture(tmp_path / "a.png") is None
    assert picture(tmp_path / "nowhere.png") is None
    assert last_grid(make("a")) is None
