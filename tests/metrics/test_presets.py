from typing import get_args

from gan_lab.metrics.groups import ALL_GROUPS
from gan_lab.metrics.presets import PRESETS
from gan_lab.metrics.select_extractor import Choice
from tests.conftest import REPOSITORY


def test_presets_are_of_extractors_and_groups_that_there_are() -> None:
    for name, preset in PRESETS.items():
        assert preset.extractor in get_args(Choice), name
        assert set(preset.groups) <= set(ALL_GROUPS), name
        assert (preset.resize == "tensorflow1") == (preset.extractor == "inception"), name


def test_names_say_the_number_of_images() -> None:
    for name, preset in PRESETS.items():
        told = [part for part in ("50k", "30k", "10k") if part in name]
        assert told in ([], [f"{preset.count // 1000}k"]), name


def test_the_page_spells_each_out() -> None:
    page = (REPOSITORY / "docs" / "metrics.md").read_text()
    for name, preset in PRESETS.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert f"{preset.count:,}" in row
        assert preset.split in row
        assert f"`{preset.extractor}`" in row
        assert preset.who in row
