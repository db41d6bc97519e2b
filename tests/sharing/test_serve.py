import base64
import io
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

import gan_lab
from gan_lab.runs.run import Run
from gan_lab.sharing import serve, served_page
from gan_lab.sharing.serve import application, listen
from gan_lab.sharing.served import Served, served
from gan_lab.utils.errors import UserError
from tests.conftest import alike
from tests.sharing.conftest import MakeRun

pytest.importorskip("starlette", reason="the extra serve is not installed")
pytest.importorskip("uvicorn", reason="the extra serve is not installed")
HOME = "http://127.0.0.1:8765"
CONDITIONAL = ("model=cgan", "model/network=stylegan2_small", "model.network.generator.w_dim=6")


def client(generator: Served) -> Any:
    pytest.importorskip("httpx2", reason="the extra dev is not installed")
    from starlette.testclient import TestClient

    return TestClient(application(generator), base_url=HOME)


def pixels(content: bytes) -> torch.Tensor:
    with Image.open(io.BytesIO(content)) as image:
        return torch.from_numpy(np.array(image))


def generator_of(run: Run) -> Served:
    return served(run, device="cpu")


@pytest.mark.parametrize("variant", ["cgan", "infogan", "vanilla"])
def test_the_page_draws_what_sample_draws(variant: str, make: MakeRun) -> None:
    run = make(variant)
    page = client(generator_of(run))
    facts = page.get("/facts").json()
    label = 3 if facts["classes"] else None
    latent = page.get("/latent?seed=5").json()["latent"]
    answer = page.post("/draw", content=json.dumps({"latent": latent, "label": label}))
    assert answer.headers["content-type"] == "image/png"
    expected = gan_lab.load(run.folder).sample(1, seed=5, label=label, device="cpu")
    assert alike(pixels(answer.content), expected[0, 0])
    grid = page.post("/grid", content=json.dumps({"seed": 5, "label": label}))
    assert alike(pixels(grid.content)[2:10, 2:10, 0], expected[0, 0])


@pytest.mark.parametrize(("variant", "truncation"), [("cgan", 0.5), ("stylegan2", 0.3), ("conditional", 0.3)])
def test_truncation_is_that_of_sample(variant: str, truncation: float, make: MakeRun) -> None:
    run = make("stylegan2", *CONDITIONAL) if variant == "conditional" else make(variant)
    page = client(generator_of(run))
    label = 3 if page.get("/facts").json()["classes"] else None
    latent = page.get("/latent?seed=5").json()["latent"]
    asked = {"latent": latent, "label": label, "truncation": truncation}
    loaded = gan_lab.load(run.folder)
    expected = loaded.sample(1, seed=5, label=label, truncation=truncation, device="cpu")
    made = pixels(page.post("/draw", content=json.dumps(asked)).content)
    assert alike(made, expected[0, 0] if len(expected[0]) == 1 else expected[0].permute(1, 2, 0))
    whole = pixels(page.post("/draw", content=json.dumps(asked | {"truncation": None})).content)
    assert not alike(whole, made)
    if variant != "cgan":
        wrong = page.post("/draw", content=json.dumps(asked | {"truncation": 1.5}))
        assert wrong.json() == {"error": "must be from 0 to 1, a share of the distance from the mean style"}


@pytest.mark.parametrize(("kind", "mode", "media"), [("ct", "I;16", "image/png"), ("signed", "", "image/tiff")])
def test_values_of_other_depths_are_shown_by_the_window_and_downloaded(
    kind: str, mode: str, media: str, make_deep: MakeRun
) -> None:
    run = make_deep(kind)
    page = client(generator_of(run))
    asked = json.dumps({"latent": page.get("/latent?seed=5").json()["latent"], "label": None})
    expected = gan_lab.load(run.folder).sample(1, seed=5, device="cpu")[0, 0].to(torch.int32)
    file = page.post("/draw?part=file", content=asked)
    assert file.headers["content-type"] == media
    if mode:
        with Image.open(io.BytesIO(file.content)) as image:
            assert image.mode == mode
    values = tifffile.imread(io.BytesIO(file.content)) if not mode else pixels(file.content).numpy()
    assert np.abs(values.astype(int) - expected.numpy()).max() <= 1
    low, high = {"ct": (0, 4095), "signed": (-1000, 3000)}[kind]
    seen = pixels(page.post("/draw", content=asked).content)
    assert (seen.double() - (expected.double() - low) * 255 / (high - low)).abs().max() <= 0.6
    assert page.post("/grid", content=json.dumps({"seed": 5, "label": None})).headers["content-type"] == "image/png"


def test_a_slice_is_translated_in_its_own_units(make_deep: MakeRun, tmp_path: Path) -> None:
    page = client(generator_of(make_deep("slices")))
    facts = page.get("/facts").json()
    assert (facts["deep"], facts["ending"]) == (True, ".png")
    slice_ = np.linspace(0, 4095, 21 * 34).reshape(21, 34).astype(np.uint16)
    content = io.BytesIO()
    np.save(content, slice_)
    asked = {part: f"/translate?direction=a2b&name=my.slice.npy&part={part}" for part in ("picture", "file", "source")}
    answers = {part: pixels(page.post(path, content=content.getvalue()).content) for part, path in asked.items()}
    assert {part: answer.dtype for part, answer in answers.items()} == {
        "picture": torch.uint8,
        "file": torch.uint16,
        "source": torch.uint8,
    }
    assert np.abs(answers["source"].numpy() - slice_ * (255 / 4095)).max() <= 0.6
    low, high = 1000, 3000  # of domain b
    assert 0 <= answers["file"].int().min() - low <= answers["file"].int().max() - low <= high - low
    apart = answers["picture"].double() - (answers["file"].double() - low) * 255 / (high - low)
    assert apart.abs().max() <= 0.6
    wrong = page.post("/translate?name=a.npy", content=b"no array")
    assert wrong.json()["error"].startswith("1 of 1 images can't be read: the image (")


def test_an_image_is_translated_at_its_own_size(make: MakeRun, tmp_path: Path) -> None:
    page = client(generator_of(make("cyclegan")))
    noise = np.random.default_rng(0).integers(0, 256, (21, 34, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    a2b, b2a = (page.post(f"/translate?direction={direction}", content=content) for direction in ("a2b", "b2a"))
    assert pixels(a2b.content).shape == (21, 34, 3)
    assert not alike(pixels(a2b.content), pixels(b2a.content))
    wrong = page.post("/translate", content=b"no image")
    assert wrong.status_code == 400
    assert wrong.json() == {"error": "1 of 1 images can't be read: the image (not an image)"}
    assert page.post("/translate?direction=c2d", content=content).json() == {"error": "there is no direction c2d"}
    assert page.post("/translate?part=x", content=content).json() == {"error": "there is no part x"}
    for path in ("/draw", "/grid"):
        assert page.post(path, content="{}").status_code == 404
    assert page.get("/latent?seed=1").status_code == 404


@pytest.mark.parametrize(
    ("path", "asked", "said"),
    [
        ("/draw", {"latent": [1.0], "label": 3}, "a latent has 4 numbers"),
        ("/draw", {"latent": [1e9] * 4, "label": 3}, "less than or equal to 1000"),
        ("/draw", {"latent": [0.0] * 4, "label": 10}, "there is no class 10"),
        ("/draw", {"latent": [0.0] * 4, "label": None}, "there is no class None"),
        ("/draw", {"latent": [0.0] * 4, "label": -1}, "greater than or equal to 0"),
        ("/draw", {"latent": [0.0] * 4, "label": 3, "truncation": -1}, "greater than or equal to 0"),
        ("/draw", {"label": 1}, "lacks latent"),
        ("/grid", {"seed": 1 << 32, "label": 1}, "less than 4294967296"),
        ("/grid", [], "must be an object"),
    ],
)
def test_what_is_asked_wrongly_is_said(path: str, asked: object, said: str, make: MakeRun) -> None:
    answer = client(generator_of(make("cgan"))).post(path, content=json.dumps(asked))
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_only_this_machines_own_page_is_answered(make: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    page = client(generator_of(make("vanilla")))
    asked = json.dumps({"seed": 1, "label": None})
    assert page.get("/", headers={"host": "evil.example"}).status_code == 400
    assert page.post("/grid", content=asked, headers={"origin": "http://evil.example"}).status_code == 403
    assert page.post("/grid", content=asked, headers={"origin": HOME}).status_code == 200
    assert page.get("/latent?seed=x").status_code == 400
    monkeypatch.setattr(serve, "LARGEST_REQUEST", 10)
    assert "more than 0 MB" in page.post("/grid", content=asked).json()["error"]
    policy = page.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy


def test_a_port_that_is_taken_is_named() -> None:
    with listen(0) as opened:
        assert opened.getsockname()[0] == "127.0.0.1"
        opened.listen()
        number = opened.getsockname()[1]
        with pytest.raises(UserError, match=f"--port {number}: can't be used: .*; choose another, or 0 for any"):
            listen(number)


def test_a_missing_package_names_the_extra(make: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = generator_of(make("vanilla"))
    monkeypatch.setattr("gan_lab.utils.extras.find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"gan-lab serve: needs a package .*\[serve\]"):
        application(generator)


@contextmanager
def answering(generator: Served) -> Iterator[str]:
    """The page at an address, until the end."""
    import uvicorn

    opened: socket.socket = listen(0)
    server = uvicorn.Server(uvicorn.Config(application(generator), log_level="error"))
    thread = Thread(target=server.run, kwargs={"sockets": [opened]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{opened.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(30)
        opened.close()


DROPPED = """
const bytes = Uint8Array.from(atob("%s"), byte => byte.charCodeAt(0));
const dropped = new DataTransfer();
dropped.items.add(new File([bytes], "my.image.png"));
dispatchEvent(new DragEvent("drop", {dataTransfer: dropped}));
"""


def seen(generator: Served, folder: Path) -> str:
    """The page as a browser of a phone has it after ten seconds."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("there is no Chromium here")
    with answering(generator) as address:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/browser"]
        small = ["--window-size=390,844", "--virtual-time-budget=10000", "--dump-dom"]
        done = subprocess.run(
            [browser, *flags, *small, address], capture_output=True, text=True, check=False, timeout=200
        )
    assert '<p id="said" role="status"></p>' in done.stdout, done.stderr[-500:]
    return done.stdout


@pytest.mark.slow
def test_a_browser_shows_an_image_and_sliders(make: MakeRun, tmp_path: Path) -> None:
    page = seen(generator_of(make("infogan")), tmp_path)
    assert page.count('type="range"') == 6 + 1
    assert 'src="blob:' in page


@pytest.mark.slow
def test_a_browser_shows_a_dropped_image_and_its_translation(
    make: MakeRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO()
    Image.new("RGB", (30, 20), (9, 99, 199)).save(content, "PNG")
    script = served_page.TRANSLATE + DROPPED % base64.b64encode(content.getvalue()).decode()
    monkeypatch.setattr(served_page, "TRANSLATE", script)
    page = seen(generator_of(make("cyclegan")), tmp_path)
    assert page.count('src="blob:') == 2
    assert 'download="my.image_translated.png"' in page
    assert '<div id="pair">' in page, "no longer hidden"
