from typing import Any

import pytest

from gan_lab.sharing.served_page import html


def facts(**changes: Any) -> dict[str, Any]:
    told = {"name": "run", "seen": 640, "latent": 4, "uniform": 0, "classes": [], "directions": [], "truncation": 3.0}
    return told | {"ending": ".png", "deep": False} | changes


def test_names_of_strangers_stay_texts() -> None:
    content = html(facts(classes=["</script><script>alert(1)</script>"]), 16)
    assert content.count("</script>") == 1
    assert "<script>alert" not in content
    assert "after 640 training images" in content


def test_truncation_ends_where_it_leaves_images_as_they_are() -> None:
    for most in (1.0, 3.0):
        (line,) = (line for line in html(facts(truncation=most), 16).split("<input") if 'id="truncation"' in line)
        assert f'max="{most}"' in line
        assert f'value="{most}"' in line


@pytest.mark.parametrize(("directions", "hidden"), [(["a2b"], True), (["a2b", "b2a"], False)])
def test_a_translator_has_a_place_for_images_and_its_directions(directions: list[str], hidden: bool) -> None:
    content = html(facts(directions=directions), 16)
    assert 'type="file"' in content
    assert 'id="sliders"' not in content
    assert ("<label hidden>Direction" in content) == hidden


def test_any_file_may_be_chosen_where_pictures_hold_too_little() -> None:
    plain, deep = (html(facts(directions=["a2b"], deep=deep), 16) for deep in (False, True))
    assert 'accept="image/*"' in plain
    assert "accept=" not in deep
