"""The page that `gan-lab serve` shows, made of facts about a generator."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from gan_lab.utils import pages
from gan_lab.utils.pages import Html

POLICY = (
    "default-src 'none'; connect-src 'self'; img-src blob: data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)


def html(told: Mapping[str, Any], in_grid: int) -> str:
    """Make the page.

    Args:
        told: facts of a `Drawer` or a `Translator`.
        in_grid: images that are drawn at once.
    """
    part, text = pages.element, pages.text
    heading = [
        part("h1", text(told["name"])),
        pages.paragraph(f"after {told['seen']:,} training images; drawn on this machine", quiet=True),
    ]
    body = _translator(told) if told["directions"] else _drawer(told, in_grid)
    facts = json.dumps(told).replace("<", "\\u003c")  # names of classes are a stranger's, perhaps
    script = f"const facts = {facts};\n{COMMON}\n{TRANSLATE if told['directions'] else DRAW}"
    return pages.page(f"{told['name']} - gan_lab", *heading, *body, script=script, style=STYLE, policy=POLICY)


def _download() -> Html:
    return pages.element("a", pages.text("Download"), id="download", href="#", role="button", hidden=True)


def _said() -> Html:
    return pages.element("p", id="said", role="status")


def _translator(told: Mapping[str, Any]) -> Sequence[Html]:
    part, text = pages.element, pages.text
    names = {"a2b": "from a to b", "b2a": "from b to a"}
    choices = (part("option", text(names.get(name, name)), value=name) for name in told["directions"])
    return [
        part(
            "label",
            part("span", text("Drop an image here, or touch to choose one"), id="wanted"),
            part("input", type="file", id="file", accept=None if told["deep"] else "image/*"),
            id="drop",
        ),
        part(
            "div",
            part(
                "label",
                text("Direction "),
                part("select", *choices, id="direction"),
                hidden=len(told["directions"]) < 2,
            ),
            _download(),
            _said(),
            id="controls",
        ),
        part(
            "div",
            part("figure", part("img", id="source", alt="source"), part("figcaption", text("source"))),
            part("figure", part("img", id="result", alt="translation"), part("figcaption", text("translation"))),
            id="pair",
            hidden=True,
        ),
    ]


def _drawer(told: Mapping[str, Any], in_grid: int) -> Sequence[Html]:
    part, text = pages.element, pages.text
    options = (part("option", text(name), value=number) for number, name in enumerate(told["classes"]))
    most = told["truncation"]
    return [
        part(
            "div",
            part("img", id="result", alt="generated image"),
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
                part("button", text(f"{in_grid} at once"), id="grid", type="button"),
                _download(),
                part(
                    "label",
                    text("Truncation"),
                    part("input", type="range", id="truncation", min=0, max=most, step=0.01, value=most),
                    part("output", text("off"), id="truncated"),
                    id="cut",
                ),
                _said(),
                id="controls",
            ),
            id="stage",
        ),
        part("h2", text("Latent")),
        part("div", id="sliders"),
        part("button", text("More sliders"), id="more", type="button"),
    ]


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
#cut { flex-basis: 100% }
#cut, #sliders label { display: flex; gap: 10px; align-items: center; font-size: .85rem; color: var(--quiet) }
output { min-width: 3.2em; text-align: right; font-variant-numeric: tabular-nums }
#drop { display: block; margin: 14px 0; padding: 28px 16px; border: 2px dashed var(--line); border-radius: 12px;
  text-align: center; color: var(--quiet); cursor: pointer; position: relative; overflow-wrap: anywhere }
#drop.over, #drop:focus-within { border-color: var(--accent) }
#drop input { position: absolute; inset: 0; width: 100%; opacity: 0; cursor: pointer }
#pair { display: grid; gap: 12px; grid-template-columns: 1fr 1fr; margin-top: 14px }
figure { margin: 0 } figcaption { font-size: .85rem; color: var(--quiet) }
#said { color: #a11a12; width: 100% } #said:empty { display: none }
"""
COMMON = """
const at = id => document.getElementById(id);
let address = null, last = null;
async function fetched(path, body) {
  const answer = await fetch(path, {method: "POST", body});
  if (!answer.ok) throw new Error((await answer.json()).error);
  return URL.createObjectURL(await answer.blob());
}
function say(error) {
  at("said").textContent = error instanceof TypeError ? "gan-lab serve has ended." : error ? error.message : "";
}
async function show(path, body, name, exact) {
  say(null);
  try {
    const made = await fetched(path, body);
    if (address) URL.revokeObjectURL(address);
    last = {path, body, exact};
    at("result").src = at("download").href = address = made;
    at("download").download = name + (exact ? facts.ending : ".png");
    at("download").hidden = false;
    return true;
  } catch (error) {
    say(error);
    return false;
  }
}
at("download").addEventListener("click", async event => {
  if (!last || !last.exact) return;
  event.preventDefault();  // a picture to look at is less than the file
  try {
    const link = document.createElement("a");
    link.href = await fetched(last.path + (last.path.includes("?") ? "&" : "?") + "part=file", last.body);
    link.download = at("download").download;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  } catch (error) {
    say(error);
  }
});
"""
DRAW = """
let latent = new Array(facts.latent).fill(0), shown = 0, busy = false, again = false, many = false;
const label = () => facts.classes.length ? Number(at("label").value) : null;
const seed = () => Math.min(4294967295, Math.max(0, Math.floor(Number(at("seed").value) || 0)));
const truncation = () => Number(at("truncation").value) < facts.truncation ? Number(at("truncation").value) : null;
async function draw() {
  if (busy) { again = true; return }
  busy = true;
  do {
    again = false;
    const asked = {label: label(), truncation: truncation()};
    if (many) await show("grid", JSON.stringify({seed: seed(), ...asked}), `${facts.name}_grid`, false);
    else await show("draw", JSON.stringify({latent, ...asked}), facts.name, facts.deep);
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
at("truncation").addEventListener("input", () => {
  at("truncated").textContent = truncation() === null ? "off" : truncation().toFixed(2);
  draw();
});
addSliders(12);
fromSeed();
"""
TRANSLATE = """
let file = null, source = null;
const asked = () => `translate?direction=${at("direction").value}&name=${encodeURIComponent(file.name)}`;
async function translate() {
  if (!file) return;
  at("wanted").textContent = `${file.name}: being translated ...`;
  const done = await show(asked(), file, file.name.replace(/\\.[^.]*$/, "") + "_translated", facts.deep);
  at("wanted").textContent = `${file.name}; drop or choose another`;
  at("pair").hidden = at("download").hidden = !done;
  if (!done) return;
  if (source) URL.revokeObjectURL(source);
  source = facts.deep ? await fetched(asked() + "&part=source", file) : URL.createObjectURL(file);
  at("source").src = source;
}
at("source").addEventListener("error", async () => {  // a format that browsers don't show
  if (source && !facts.deep) at("source").src = source = await fetched(asked() + "&part=source", file);
});
at("direction").addEventListener("change", translate);
at("file").addEventListener("change", () => { file = at("file").files[0] || file; translate() });
const drop = at("drop");
for (const name of ["dragenter", "dragover"])  // anywhere: a browser would show a file that misses
  addEventListener(name, event => { event.preventDefault(); drop.classList.add("over") });
for (const name of ["dragleave", "drop"])
  addEventListener(name, event => { event.preventDefault(); drop.classList.remove("over") });
addEventListener("drop", event => { file = event.dataTransfer.files[0] || file; translate() });
"""
