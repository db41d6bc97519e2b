"""What a release is made of: one version, its files, the image."""

import re
import runpy
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

import gan_lab
from tests.conftest import CONF, REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
CHECK = runpy.run_path(str(REPOSITORY / ".ci" / "check_dist"))
FORMS = sorted(path for path in (REPOSITORY / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
CITATION = ("cff-version", "message", "title", "authors", "version", "license")  # the first four are required by 1.2.0


def document(path: str) -> Any:
    return yaml.safe_load((REPOSITORY / path).read_text())


def test_the_version_has_one_home() -> None:
    assert "version" not in PROJECT["project"]
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "gan_lab/__init__.py"
    assert CHECK["version"]() == gan_lab.__version__


def test_the_changelog_has_the_version_and_room_for_the_next() -> None:
    headings = re.findall(r"^## \[(.+?)\](.*)$", (REPOSITORY / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == gan_lab.__version__
    assert all(re.fullmatch(r" - (unreleased|\d{4}-\d\d-\d\d)", date) for _, date in headings[1:])


def test_the_citation_is_of_this_version() -> None:
    citation = document("CITATION.cff")
    assert all(citation[key] for key in CITATION)
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == gan_lab.__version__
    assert citation["license"] == PROJECT["project"]["license"]
    assert all(author.keys() & {"name", "family-names"} for author in citation["authors"])


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_is_whole(path: Path) -> None:
    form = yaml.safe_load(path.read_text())
    assert form["name"]
    assert form["description"]
    asked = [item for item in form["body"] if item["type"] != "markdown"]
    assert all(item["type"] in ("textarea", "input", "dropdown", "checkboxes") for item in asked)
    assert all(item["attributes"]["label"] for item in asked)
    assert len({item["id"] for item in asked}) == len(asked)


def test_a_tag_alone_publishes_and_without_a_token() -> None:
    text = (REPOSITORY / ".github/workflows/release.yml").read_text()
    workflow = yaml.safe_load(text)
    assert workflow[True] == {"push": {"tags": ["v*"]}}, "YAML reads `on` as true"
    assert workflow["permissions"] == {"contents": "read"}
    publish = workflow["jobs"]["publish"]
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["needs"] == "build"
    assert "secrets." not in text
    steps = [step.get("run", "") for step in workflow["jobs"]["build"]["steps"]]
    assert any("twine check" in step for step in steps)
    assert any("check_dist" in step for step in steps)


def test_what_a_wheel_lacks_or_has_too_much_is_named(tmp_path: Path) -> None:
    wheel = tmp_path / "x.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("gan_lab/__init__.py", "tests/test_x.py", "gan_lab-1.dist-info/METADATA"):
            archive.writestr(name, "")
    problems = CHECK["problems_of_wheel"](wheel, {"gan_lab/__init__.py", "gan_lab/conf/train.yaml"})
    assert problems == [
        "x.whl lacks gan_lab/conf/train.yaml",
        "x.whl holds tests/test_x.py, which is no file of the package",
    ]


@pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="needs the list of the repository's files")
def test_all_of_conf_is_expected_in_a_wheel() -> None:
    expected = CHECK["expected"]()
    assert {f"gan_lab/conf/{path.relative_to(CONF)}" for path in CONF.rglob("*.yaml")} <= expected
    assert "gan_lab/metrics/weights/mnist.safetensors" in expected
    assert not [name for name in expected if not name.startswith("gan_lab/")]


@pytest.mark.parametrize(
    ("tag", "changelog", "problem"),
    [
        ("v1.2.3", "## [1.2.3] - 2026-01-31\n", None),
        ("1.2.3", "## [1.2.3] - 2026-01-31\n", "the tag is 1.2.3, but gan_lab.__version__ is 1.2.3"),
        ("v1.2.4", "## [1.2.4] - 2026-01-31\n", "the tag is v1.2.4, but gan_lab.__version__ is 1.2.3"),
        ("v1.2.3", "## [1.2.3] - unreleased\n", "CHANGELOG.md has no line `## [1.2.3] - YEAR-MONTH-DAY`"),
        ("v1.2.3", "## [1x2.3] - 2026-01-31\n", "CHANGELOG.md has no line `## [1.2.3] - YEAR-MONTH-DAY`"),
    ],
)
def test_a_tag_fits_the_version_and_the_changelog(tag: str, changelog: str, problem: str | None) -> None:
    assert CHECK["problems_of_tag"](tag, "1.2.3", changelog) == [problem] * (problem is not None)


def test_the_image_is_for_cpus_unless_asked_and_not_roots() -> None:
    lines = (REPOSITORY / "Dockerfile").read_text().splitlines()
    assert "ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu" in lines
    users = [line for line in lines if line.startswith("USER ")]
    assert users
    assert users[-1] not in ("USER root", "USER 0")
    assert "ENV HOME=/home/gan" in lines
    volumes = '-v gan-lab:/home/gan/.cache -v "$PWD:/work"'  # the key has to stay, and not among what is unpacked
    assert volumes in (REPOSITORY / "docs" / "index.md").read_text()
    kept = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert all((REPOSITORY / name).exists() for name in kept)
    folders = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]
    assert {"pyproject.toml", "constraints.txt", "README.md", "LICENSE", *folders} <= {*kept}


def daemon() -> bool:
    docker = shutil.which("docker")
    return bool(docker) and subprocess.run([str(docker), "info"], capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not daemon(), reason="no Docker daemon; the job `docker` of CI has one")
def test_the_image_trains() -> None:
    done = subprocess.run([REPOSITORY / ".ci" / "check_docker"], capture_output=True, text=True, check=False)
    assert "the image trains, and not as root" in done.stdout, done.stdout + done.stderr
