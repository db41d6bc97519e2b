"""A local page that draws from a run: sliders of the latent, the class, images dropped to be translated.

Only this machine's browsers reach it: it listens at 127.0.0.1, answers to no other name of a host, and takes nothing
that another site's page sends. It writes nothing but what a browser downloads, and contacts nobody.
"""

import json
import socket
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Annotated, Any

import torch
from pydantic import Field, TypeAdapter, ValidationError
from torch import Tensor
from typing_extensions import TypedDict

from gan_lab.data.threads import unreadable
from gan_lab.evaluation.load_generator import as_generator
from gan_lab.evaluation.translation import Options, Translation
from gan_lab.runs.run import Run, Which
from gan_lab.sharing.portable import Portable, portable, seeded_latents
from gan_lab.utils import hardware, images, own_key, pages, seeding
from gan_lab.utils.errors import UserError, reason
from gan_lab.utils.extras import require
from gan_lab.utils.files import unfinished, write_atomically
from gan_lab.utils.typed_json import problem

HOST, NAMES = "127.0.0.1", ["127.0.0.1", "localhost"]
LARGEST_IMAGE, LARGEST_REQUEST = 1 << 26, 1 << 20  # bytes
IN_GRID = 16
POLICY = (
    "default-src 'none'; connect-src 'self'; img-src blob: data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)
HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
Number = Annotated[float, Field(ge=-1e3, le=1e3, allow_inf_nan=False)]


class Asked(TypedDict):
    """Part of a request that says which image is wanted."""

    latent: list[Number]
    label: Annotated[int, Field(ge=0)] | None


class AskedGrid(TypedDict):
    """Part of a request that says which grid is wanted."""

    seed: Annotated[int, Field(ge=0, lt=1 << 32)]
    label: Annotated[int, Field(ge=0)] | None


@cache
def _form(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


class Generator:
    """A run's generator behind the page.

    Args:
        run: finished or not.
        which: its last or best checkpoint.
        ema: take the generator's moving average where there is one.
        device: by its name in torch; "auto" is the best there is.

    Raises:
        UserError: there is no checkpoint or no such device.
    """

    def __init__(self, run: Run, *, which: Which = "last", ema: bool = True, device: str = "auto") -> None:
        self.device = hardware.device(device)
        self.model = run.load_model(which)
        self.portable: Portable = portable(run, self.model, ema=ema)
        self.name = run.folder.resolve().name
        self.lock = Lock()  # one image after the other: they share the device's memory
        self.module = self.portable.module.to(self.device)
        directions = getattr(self.model, "directions", ())
        self.translations = {
            direction: Translation(run, Options(), which=which, direction=direction, ema=ema, device=self.device)
            for direction in (directions if self.portable.translates else ())
        }

    def facts(self) -> dict[str, Any]:
        """Facts that the page is made of."""
        told = self.portable
        return {
            "name": self.name,
            "seen": told.images_seen,
            "latent": told.latent_dim,
            "uniform": told.uniform,
            "classes": list(told.class_names) or [str(number) for number in range(told.classes)],
            "directions": list(self.translations),
        }

    def latents(self, seed: int, count: int = 1) -> Tensor:
        """Latents (count, latent_dim) of a seed, those of `gan-lab sample --seed`."""
        return seeded_latents(as_generator(self.model, Run(self.name)), count, seeding.derive(seed, "sample"))

    def draw(self, latents: Tensor, label: int | None) -> Tensor:
        """Images uint8 (count, channels, height, width) on the CPU.

        Raises:
            ValueError: there is no such class, or the latents are of another size.
        """
        if latents.shape[1:] != (self.portable.latent_dim,):
            raise ValueError(f"a latent has {self.portable.latent_dim} numbers")
        if (label is None) != (not self.portable.classes) or (label or 0) >= max(1, self.portable.classes):
            raise ValueError(f"there is no class {label}")
        inputs = [latents] if label is None else [latents, torch.full((len(latents),), label)]
        with self.lock, torch.no_grad():
            made: Tensor = self.module(*(each.to(self.device) for each in inputs))
        return made.cpu()

    def image(self, asked: Mapping[str, Any]) -> bytes:
        """A PNG file of one image."""
        return images.png(self.draw(torch.tensor([asked["latent"]], dtype=torch.float32), asked["label"])[0])

    def grid(self, asked: Mapping[str, Any]) -> bytes:
        """A PNG file of a seed's first images."""
        return images.png(images.tiled(self.draw(self.latents(asked["seed"], IN_GRID), asked["label"]), 4))

    def translated(self, content: bytes, direction: str) -> bytes:
        """A PNG file of an image's translation, at the image's own size.

        Args:
            content: of a file of any format that training reads.
            direction: one of the model's.

        Raises:
            UserError: it can't be read.
            ValueError: there is no such direction.
        """
        if direction not in self.translations:
            raise ValueError(f"there is no direction {direction}")
        own_key.folder().mkdir(parents=True, exist_ok=True)
        with unfinished(own_key.folder()) as folder, self.lock:
            file = folder / "dropped"
            write_atomically(file, content)
            damaged: dict[int, Exception] = {}
            for _, image in self.translations[direction].files([file], damaged):
                return images.png(image)
            raise UserError(unreadable([Path("the image")], damaged))


def application(generator: Generator) -> Any:
    """The page and what it asks for, an application of Starlette's.

    Raises:
        UserError: a package is missing.
    """
    require("gan-lab serve", "serve", "starlette", "uvicorn")
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.responses import HTMLResponse, JSONResponse, Response
    from starlette.routing import Route

    shown = html(generator)

    def refused(why: str, status: int = 400) -> Any:
        return JSONResponse({"error": why}, status, HEADERS)

    async def body(request: Any, most: int) -> bytes:
        content = bytearray()
        async for part in request.stream():
            content += part
            if len(content) > most:
                raise ValueError(f"more than {most >> 20} MB")
        return bytes(content)

    async def answered(request: Any, most: int, work: Callable[[bytes], bytes]) -> Any:
        origin = request.headers.get("origin")
        if origin is not None and origin != f"http://{request.headers.get('host')}":
            return refused("another site's page asks for this", 403)
        try:
            content = await run_in_threadpool(work, await body(request, most))
        except ValidationError as error:
            return refused(problem(error))
        except (UserError, ValueError) as error:
            return refused(str(error))
        except OSError as error:
            return refused(reason(error), 507)
        return Response(content, media_type="image/png", headers=HEADERS)

    async def home(request: Any) -> Any:
        return HTMLResponse(shown, headers=HEADERS)

    async def facts(request: Any) -> Any:
        return JSONResponse(generator.facts(), headers=HEADERS)

    async def latent(request: Any) -> Any:
        seed = request.query_params.get("seed", "")
        if generator.portable.translates or not (seed.isascii() and seed.isdecimal()) or int(seed[:11]) >= 1 << 32:
            return refused("a seed is a whole number from 0 to 4294967295")
        return JSONResponse({"latent": generator.latents(int(seed))[0].tolist()}, headers=HEADERS)

    async def draw(request: Any) -> Any:
        def work(content: bytes) -> bytes:
            return generator.image(_form(Asked).validate_json(content))

        return await answered(request, LARGEST_REQUEST, work)

    async def grid(request: Any) -> Any:
        def work(content: bytes) -> bytes:
            return generator.grid(_form(AskedGrid).validate_json(content))

        return await answered(request, LARGEST_REQUEST, work)

    async def translate(request: Any) -> Any:
        direction = request.query_params.get("direction", "a2b")
        return await answered(request, LARGEST_IMAGE, lambda content: generator.translated(content, direction))

    posts = {"/translate": translate} if generator.portable.translates else {"/draw": draw, "/grid": grid}
    return Starlette(
        routes=[
            Route("/", home),
            Route("/facts", facts),
            Route("/latent", latent),
            *(Route(path, handler, methods=["POST"]) for path, handler in posts.items()),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=NAMES)],
    )


def listen(port: int) -> socket.socket:
    """A socket of this machine alone.

    Raises:
        UserError: the port is taken.
    """
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((HOST, port))
    except OSError as error:
        opened.close()
        raise UserError(f"--port {port}: can't be used: {reason(error)}; choose another, or 0 for any") from error
    return opened


def serve(application: Any, opened: socket.socket) -> None:
    """Answer until the user interrupts."""
    import uvicorn

    config = uvicorn.Config(application, log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[opened])


def html(generator: Generator) -> str:
    """The page."""
    part, text = pages.element, pages.text
    told = generator.facts()
    download = part("a", text("Download"), id="download", download=f"{told['name']}.png", hidden=True)
    said = part("p", id="said", role="status")
    heading = [
        part("h1", text(told["name"])),
        pages.paragraph(f"after {told['seen']:,} training images; drawn on this machine", quiet=True),
    ]
    if generator.portable.translates:
        names, one_way = {"a2b": "from a to b", "b2a": "from b to a"}, len(told["directions"]) < 2
        choices = (part("option", text(names.get(name, name)), value=name) for name in told["directions"])
        body = [
            part(
                "label",
                text("Direction "),
                part("select", *choices, id="direction"),
                hidden=one_way,
            ),
            part(
                "label",
                text("Drop an image here, or touch to choose one"),
                part("input", type="file", id="file", accept="image/*"),
                id="drop",
            ),
            part(
                "div",
                part("figure", part("img", id="source", alt="source"), part("figcaption", text("source"))),
                part("figure", part("img", id="result", alt="translation"), part("figcaption", text("translation"))),
                id="pair",
                hidden=True,
            ),
            part("p", download),
            said,
        ]
    else:
        options = (part("option", text(name), value=number) for number, name in enumerate(told["classes"]))
        body = [
            part(
                "div",
                part("img", id="result", alt=""),
                part(
                    "div",
                    part("label", text("Class "), part("select", *options, id="label"), hidden=not told["classes"]),
                    part(
                        "label",
                        text("Seed "),
                        part("input", type="number", id="seed", min=0, max=4294967295, value=0, inputmode="numeric"),
                    ),
                    part("button", text("Another"), id="another", type="button"),
                    part("button", text("Reset"), id="reset", type="button"),
                    part("button", text(f"{IN_GRID} at once"), id="grid", type="button"),
                    download,
                    said,
                    id="controls",
                ),
                id="stage",
            ),
            part("h2", text("Latent")),
            part("div", id="sliders"),
            part("button", text("More sliders"), id="more", type="button"),
        ]
    facts = json.dumps(told).replace("<", "\\u003c")  # names of classes are a stranger's, perhaps
    script = f"const facts = {facts};\n{COMMON}\n{TRANSLATE if generator.portable.translates else DRAW}"
    return pages.page(f"{told['name']} - gan_lab", *heading, *body, script=script, style=STYLE, policy=POLICY)


STYLE = """
body { max-width: 900px }
button, select, input[type=number], #download { font: inherit; min-height: 44px; padding: 6px 14px; border-radius: 8px;
  border: 1px solid var(--line); background: #fff; color: var(--ink) }
button { background: var(--soft); cursor: pointer } button:active { background: var(--line) }
#download { display: inline-block; line-height: 30px; background: var(--accent); color: #fff; text-decoration: none;
  border-color: var(--accent) } [hidden] { display: none !important }
#stage { display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); margin-top: 12px }
#controls { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; align-content: start }
input[type=number] { width: 8.5em } select { max-width: 100% }
img { display: block; width: 100%; image-rendering: pixelated; background: var(--soft); border-radius: 8px }
#stage img { aspect-ratio: 1; object-fit: contain; max-width: min(420px, 45vh); margin: 0 auto }
@media (min-width: 700px) { #stage { grid-template-columns: 420px minmax(0, 1fr) } }
#sliders { display: grid; gap: 2px 20px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 250px), 1fr));
  margin-bottom: 10px }
#sliders label { display: flex; gap: 10px; align-items: center; font-size: .85rem; color: var(--quiet) }
#sliders output { min-width: 3.2em; text-align: right; font-variant-numeric: tabular-nums }
#drop { display: block; margin: 14px 0; padding: 28px 16px; border: 2px dashed var(--line); border-radius: 12px;
  text-align: center; color: var(--quiet); cursor: pointer } #drop.over { border-color: var(--accent) }
#drop input { display: block; margin: 10px auto 0; max-width: 100%; font: inherit }
#pair { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 260px), 1fr)) }
figure { margin: 0 } figcaption { font-size: .85rem; color: var(--quiet) }
#said { color: #a11a12; width: 100% }
"""
COMMON = """
const at = id => document.getElementById(id);
let address = null;
async function show(path, body) {
  at("said").textContent = "";
  try {
    const answer = await fetch(path, {method: "POST", body});
    if (!answer.ok) throw new Error((await answer.json()).error);
    if (address) URL.revokeObjectURL(address);
    address = URL.createObjectURL(await answer.blob());
    at("result").src = at("download").href = address;
    at("download").hidden = false;
    return true;
  } catch (error) {
    at("said").textContent = error.message === "Failed to fetch" ? "gan-lab serve has ended." : error.message;
    return false;
  }
}
"""
DRAW = """
let latent = new Array(facts.latent).fill(0), shown = 0, busy = false, again = false, many = false;
const label = () => facts.classes.length ? Number(at("label").value) : null;
const seed = () => Math.min(4294967295, Math.max(0, Math.floor(Number(at("seed").value) || 0)));
async function draw() {
  if (busy) { again = true; return }
  busy = true;
  do {
    again = false;
    if (many) await show("grid", JSON.stringify({seed: seed(), label: label()}));
    else await show("draw", JSON.stringify({latent, label: label()}));
  } while (again);
  busy = false;
}
function addSliders(count) {
  for (const end = Math.min(facts.latent, shown + count); shown < end; shown++) {
    const index = shown, row = document.createElement("label"), slider = document.createElement("input");
    const value = document.createElement("output"), range = index >= facts.latent - facts.uniform ? 1 : 3;
    Object.assign(slider, {type: "range", min: -range, max: range, step: 0.01});
    slider.setAttribute("aria-label", `number ${index + 1} of the latent`);
    row.append(String(index + 1), slider, value);
    row.update = () => { slider.value = latent[index]; value.textContent = latent[index].toFixed(2) };
    slider.addEventListener("input", () => {
      latent[index] = Number(slider.value); many = false; row.update(); draw();
    });
    row.update();
    at("sliders").append(row);
  }
  at("more").hidden = shown >= facts.latent;
}
async function fromSeed() {
  const answer = await fetch(`latent?seed=${seed()}`);
  if (answer.ok) latent = (await answer.json()).latent;
  for (const row of at("sliders").children) row.update();
  await draw();
}
at("more").addEventListener("click", () => addSliders(24));
at("another").addEventListener("click", () => { at("seed").value = (seed() + 1) % 4294967296; fromSeed() });
at("reset").addEventListener("click", () => { many = false; fromSeed() });
at("grid").addEventListener("click", () => { many = !many; draw() });
at("seed").addEventListener("change", fromSeed);
at("label").addEventListener("change", draw);
addSliders(12);
fromSeed();
"""
TRANSLATE = """
let file = null, source = null;
async function translate() {
  if (!file) return;
  if (source) URL.revokeObjectURL(source);
  at("source").src = source = URL.createObjectURL(file);
  at("pair").hidden = !(await show(`translate?direction=${at("direction").value}`, file));
}
at("direction").addEventListener("change", translate);
at("file").addEventListener("change", () => { file = at("file").files[0] || file; translate() });
const drop = at("drop");
for (const name of ["dragenter", "dragover"])
  drop.addEventListener(name, event => { event.preventDefault(); drop.classList.add("over") });
for (const name of ["dragleave", "drop"])
  drop.addEventListener(name, event => { event.preventDefault(); drop.classList.remove("over") });
drop.addEventListener("drop", event => { file = event.dataTransfer.files[0] || file; translate() });
"""
