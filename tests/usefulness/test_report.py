import csv
import io
import json

import pytest

from gan_lab.usefulness.report import (
    as_csv,
    as_json,
    as_markdown,
    as_text,
    conclusion,
    lines,
    measures,
    recalls,
    table,
    title,
)
from tests.usefulness.conftest import measured, result, study_of


def test_lines_have_intervals_and_differences_from_their_fair_reference() -> None:
    real, classical, generated, both, alone = lines(measured())
    assert real.values["accuracy"].mean == pytest.approx(0.75)
    assert real.values["accuracy"].half == pytest.approx(4.302653 * 0.05 / 3**0.5)
    assert real.differences == {}
    assert classical.differences["accuracy"].mean == pytest.approx(0.1)
    assert generated.differences["accuracy"].mean == pytest.approx(0.1)  # from real images
    assert generated.differences["accuracy"].half == pytest.approx(4.302653 * 0.01 / 3**0.5)
    assert both.differences["accuracy"].mean == pytest.approx(-0.05)  # from augmented ones
    assert [line.verdict for line in (real, classical, generated, both, alone)] == [
        "-", "better", "better", "worse", "not shown",
    ]  # fmt: skip


def test_one_seed_shows_nothing() -> None:
    study = study_of([result(0.5), result(0.9, "generated", generated=1), result(0.6, "classical")])
    assert lines(study)[1].verdict == "one seed"
    assert "One seed shows nothing" in conclusion(study)[0]
    assert "Best: +40.0 points, 50 real images of each class, real + 1 generated." in conclusion(study)


def test_the_conclusion_counts_where_it_helped_and_where_not() -> None:
    said = conclusion(measured())
    assert said[0].startswith("Of 2 comparisons with generated images added, 1 became better, 1 became worse, and 0")
    assert said[1].startswith("Best: +10.0 +- 2.5 points")
    assert said[2].startswith("Worst: -5.0 +- 2.5 points")
    assert conclusion(study_of([result(0.5)])) == []


def test_titles_say_what_was_learned_from() -> None:
    assert title(result(0.5)) == "real"
    assert title(result(0.5, "both", generated=5, filter="discriminator")) == (
        "real + 5 generated, classical (discriminator)"
    )
    assert title(result(0.5, "alone", generated=2)) == "2 generated alone"


def test_a_starved_class_is_held_against_the_others() -> None:
    found = measures(result(0.8), [1])
    assert found["recall_starved"] == pytest.approx(0.7)
    assert found["recall_others"] == pytest.approx(0.8)
    heading, row = table(study_of([result(0.8)], starved=[1]))
    shown = dict(zip(heading, row, strict=True))
    assert (shown["Starved"], shown["Others"]) == ("70.0", "80.0")
    assert (shown["Mean recall"], shown["Lowest recall"]) == ("75.0", "70.0")
    assert "Starved: one." in as_text(study_of([result(0.8)], starved=[1]))


def test_the_table_has_all_measures_beside_each_other() -> None:
    heading, _, _, generated, *_ = table(measured())
    shown = dict(zip(heading, generated, strict=True))
    assert shown["Accuracy"] == "85.0 +- 14.9"
    assert shown["Difference"] == "+10.0 +- 2.5"
    assert (shown["Noise"], shown["ECE"], shown["Copies"], shown["Unseen"]) == (
        "50.0 +- 0.0", "5.0 +- 0.0", "2.0 +- 0.0", "1.0 +- 0.0",
    )  # fmt: skip
    assert "Run" not in heading


def test_several_runs_are_named() -> None:
    rows = table(study_of([result(0.5), result(0.5, run="other")]))
    assert [row[0] for row in rows] == ["Run", "run", "other"]


def test_every_form_has_the_numbers() -> None:
    study = measured()
    assert "85.0 +- 14.9" in as_text(study)
    page = as_markdown(study)
    assert "85.0 ± 14.9" in page
    assert "| Real   | Learned from" in page
    assert "Recall of each class" in page
    rows = list(csv.DictReader(io.StringIO(as_csv(study))))
    assert [row["arm"] for row in rows] == ["real", "classical", "generated", "both", "alone"]
    assert float(rows[2]["accuracy"]) == pytest.approx(0.85)
    assert float(rows[2]["difference"]) == pytest.approx(0.1)
    assert float(rows[2]["recall_one"]) == pytest.approx(0.75)
    assert rows[0]["difference"] == rows[0]["copies"] == ""
    told = json.loads(as_json(study))
    assert told["lines"][3]["shown"] == "worse"
    assert told["lines"][3]["differences"]["accuracy"]["mean"] == pytest.approx(-0.05)
    assert len(told["results"]) == 15


def test_the_recall_of_each_class_is_left_out_where_there_are_too_many() -> None:
    assert recalls(measured())[0] == ["Real", "Learned from", "zero", "one"]
    study = study_of([result(0.5)])
    study.classes.extend(map(str, range(30)))
    assert recalls(study) == []
