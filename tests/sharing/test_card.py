import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from gan_lab.cli import main
from gan_lab.runs.run import Run
from gan_lab.sharing.card import Facts, card, front_matter, plain, recipe
from gan_lab.sharing.export import Wanted, exported
from gan_lab.sharing.portable import portable
from tests.evaluation.conftest import scores
from tests.sharing.conftest import MakeRun


def facts(run: Run, **changes: object) -> Facts:
    told = {"licence": "mit", "checkpoint": "last", "any_size": True, "has_grid": True, "form": "onnx"} | changes
    return Facts(run=run, portable=portable(run, run.load_model()), **told)  # type: ignore[arg-type]


def test_a_card_says_what_the_record_says(make: MakeRun) -> None:
    run = make("cgan")
    run.overrides_file.write_text(yaml.safe_dump(["model=cgan", "data.root=/home/me/images", "run=mine", "seed=2"]))
    run.update_record(
        alarms=["batch 3: collapse"], scores=scores({"fid": 12.5}, 640).to_dict(), versions={"torch": "2.14"}
    )
    text = card(facts(run))
    for said in (
        "| Licence of the weights | mit |",
        "of the last checkpoint, after 640 training images",
        "| source | data |",
        "60,000 images of MNIST and nothing else",
        "| FID",
        "12.500",
        "Protocol `",
        "gan-lab train model=cgan data.root=images seed=2",
        "Health alarms: 1; the last: batch 3: collapse",
        "int64 (batch,): 0 to 9",
        "![Generated images](grid.png)",
        "| Made with | torch 2.14 |",
    ):
        assert said in text, said
    assert "/home" not in text
    assert "mine" not in text


def test_scores_of_another_state_are_not_taken_for_those_of_this_one(make: MakeRun) -> None:
    run = make("vanilla")
    assert "Nobody has scored this run" in card(facts(run))
    run.update_record(scores=scores({"fid": 12.5}, 320).to_dict())
    assert "after 320 training images, which is another state than this one" in card(facts(run))


def test_what_limits_a_model_is_told(make: MakeRun) -> None:
    run = make("vanilla")
    run.update_record(status="interrupted", data={"name": "MNIST", "substitute": True, "train_images": 5000})
    text = card(facts(run, licence="not stated", has_grid=False))
    for said in ("Not the full dataset", "has not come to its end", "nothing is allowed beyond", "5,000 images"):
        assert said in text, said
    assert "grid.png" not in text


def test_names_of_strangers_are_text_and_no_marks() -> None:
    assert plain("a|b\n<script>*x*\x1b[2J") == r"a\|b \<script\>\*x\*\\x1b\[2J"


@pytest.mark.parametrize(
    ("licence", "lines"),
    [
        ("MIT", ["license: mit"]),
        ("My own, v1", ["license: other", "license_name: my-own-v1"]),
        ("!", ["license: other", "license_name: other"]),
    ],
)
def test_the_hub_sorts_cards_by_their_first_lines(licence: str, lines: list[str], make: MakeRun) -> None:
    head = front_matter(facts(make("vanilla"), licence=licence))
    assert [line for line in head.splitlines() if line.startswith("license")] == lines
    told = yaml.safe_load(head.strip().strip("-"))
    assert told["pipeline_tag"] == "unconditional-image-generation"


def test_a_recipe_has_nothing_of_whoever_typed_it(make: MakeRun) -> None:
    run = make("vanilla")
    typed = ["+model=x", "hydra.run.dir=/home/me", "notes=secret", "logger=wandb", "init_from=/a/b", "data.root=~/c"]
    run.overrides_file.write_text(yaml.safe_dump(typed))
    assert recipe(run) == ["+model=x", "data.root=c"]


def programs(text: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "form"),
    [("infogan", "onnx"), ("cyclegan", "onnx"), ("biggan", "torch"), ("pix2pix", "torch"), ("cut", "onnx")],
)
def test_the_program_of_a_card_works(variant: str, form: str, make: MakeRun, tmp_path: Path) -> None:
    if form == "onnx":
        for package in ("onnx", "onnxscript", "onnxruntime"):
            pytest.importorskip(package, reason="the extra export is not installed")
    run = make(variant)
    files = exported(run, Wanted(form=form))  # type: ignore[arg-type]
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    Image.fromarray(np.full((20, 30, 3), 99, np.uint8)).save(folder / "image.png")
    (program,) = programs(files["MODEL_CARD.md"].decode())
    alone = f"import sys; sys.modules['gan_lab'] = None\n{program}"
    done = subprocess.run([sys.executable, "-I", "-c", alone], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with Image.open(folder / "first.png") as first:
        assert first.size == tuple(portable(run, run.load_model()).examples[0].shape[:1:-1]) or variant in (
            "infogan",
            "biggan",
        )


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "dtype"), [("ct", np.uint16), ("slices", np.uint16), ("float", np.float32)])
def test_a_card_tells_depth_and_window_and_its_program_works(
    kind: str, dtype: type, make_deep: MakeRun, tmp_path: Path
) -> None:
    run = make_deep(kind)
    files = exported(run, Wanted(form="torch"))
    text = files["MODEL_CARD.md"].decode()
    window = {"ct": "0 to 4095", "slices": "1000 to 3000", "float": "-0.5 to 2.5"}[kind]
    (line,) = re.findall(r"^\| `images` \| (.*) \|$", text, re.MULTILINE)
    assert line.startswith(f"{np.dtype(dtype).name} (batch, 1, ")
    assert f"from {window}, the window of the training" in line
    assert "Colours have 8 bits" not in text
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    sides = portable(run, run.load_model()).examples[0].shape[2:]
    np.save(tmp_path / "image.npy", np.full(sides, 2000, np.uint16))
    (program,) = programs(text)
    done = subprocess.run([sys.executable, "-I", "-c", program], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "first.npy").dtype == dtype


@pytest.mark.parametrize("variant", ["cgan", "cyclegan"])
def test_the_commands_of_a_card_work(
    variant: str, make: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = ""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for name, content in exported(make(variant), Wanted(form="safetensors")).items():
        (folder / name).write_bytes(content)
        text = content.decode() if name == "MODEL_CARD.md" else text
    Image.fromarray(np.full((20, 30, 3), 99, np.uint8)).save(folder / "image.png")
    monkeypatch.chdir(folder)
    commands = re.findall(r"^    gan-lab (.*)$", text.partition("## How to load")[2], re.MULTILINE)
    assert len(commands) == 1
    main(commands[0].split())
    made = "samples.png" if variant == "cgan" else "translated.png"
    assert (folder / made).is_file()
    for program in programs(text):
        exec(program, {})
