"""Pages of HTML in one file: text, tables, pictures and charts, with nothing that is fetched from elsewhere.

What comes from records and folders is text and never marks: `Html` is what this module has made of it, and only that is
taken as it is. A browser that reads a page loads nothing, whatever stands in it: its first line says so.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from html import escape
from typing import NewType

from gan_lab.utils.terminal import visible

Html = NewType("Html", str)
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
STYLE = """
:root { color-scheme: light; --line: #d9dde3; --soft: #f5f6f8; --ink: #1c2430; --quiet: #5b6573; --accent: #4053d3 }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1120px; padding: 0 16px 48px; background: #fff; color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif }
h1 { font-size: 1.6rem; margin: 24px 0 4px } h2 { font-size: 1.2rem; margin: 32px 0 8px }
h3 { font-size: 1rem; margin: 16px 0 4px; overflow-wrap: anywhere }
p { margin: 4px 0 } .quiet { color: var(--quiet); font-size: .9rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: .9rem }
th, td { text-align: left; vertical-align: top; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line) }
td { overflow-wrap: break-word; min-width: 6em; max-width: 22em }
th { font-weight: 600 } thead th { color: var(--quiet) }
.grid { display: grid; gap: 16px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)) }
.charts { grid-template-columns: repeat(auto-fill, minmax(min(100%, 440px), 1fr)) } .charts svg text { font-size: 17px }
.card h3 { margin-top: 0 }
.card { border: 1px solid var(--line); border-radius: 8px; padding: 12px; min-width: 0 }
.card svg, .card img { display: block; width: 100%; height: auto } .card img { image-rendering: pixelated }
pre { background: var(--soft); border-radius: 6px; padding: 10px; white-space: pre-wrap; overflow-wrap: anywhere;
  font-size: .85rem; margin: 6px 0 }
input[type=range] { width: 100%; accent-color: var(--accent); min-height: 32px }
ul { margin: 4px 0; padding-left: 20px; overflow-wrap: anywhere }
"""


def text(value: object) -> Html:
    """A text, which stays one."""
    return Html(escape(visible(str(value)), quote=True))


def joined(parts: Iterable[Html]) -> Html:
    """One after the other."""
    return Html("".join(parts))


def element(name: str, *content: Html, **attributes: object) -> Html:
    """An element; `class_` and `aria_label` stand for class and aria-label, and True for an attribute without value.

    Args:
        name: of the element.
        content: inside it.
        attributes: texts, numbers, or True.
    """
    spelled = (
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    inner = joined(content)
    return Html(f"<{name}{''.join(spelled)}>" + ("" if name in ("img", "input", "br") else f"{inner}</{name}>"))


def paragraph(said: object, *, quiet: bool = False) -> Html:
    """A line of text."""
    return element("p", text(said), class_="quiet" if quiet else None)


def section(title: object, *content: Html) -> Html:
    """A heading and what follows it."""
    return element("section", element("h2", text(title)), *content)


def table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> Html:
    """A table of texts, which scrolls sideways where it is wider than a screen.

    Args:
        head: of the columns; empty for none.
        rows: whose first text is the name of the row.
    """
    heads = [element("thead", element("tr", *(element("th", text(name)) for name in head)))] if head else []
    lines = [
        element("tr", element("th", text(first), scope="row"), *(element("td", text(cell)) for cell in cells))
        for first, *cells in rows
    ]
    return element("div", element("table", *heads, element("tbody", *lines)), class_="wide")


def items(values: Iterable[object]) -> Html:
    """A list of texts."""
    return element("ul", *(element("li", text(value)) for value in values))


def code(line: str) -> Html:
    """A command."""
    return element("pre", text(line))


def picture(content: bytes, kind: str, said: object, **attributes: object) -> Html:
    """A picture whose file stands in the page.

    Args:
        content: of the file.
        kind: of the file, "png" or "webp".
        said: for whoever doesn't see it.
        attributes: of the element.
    """
    return element("img", src=f"data:image/{kind};base64,{b64encode(content).decode()}", alt=said, **attributes)


def page(title: object, *content: Html, script: str = "", style: str = "", policy: str = POLICY) -> str:
    """A whole page.

    Args:
        title: of the window.
        content: of the body.
        script: of this program's own; no text of a record may stand in it.
        style: beside that of all pages.
        policy: what a browser may load, as of the header Content-Security-Policy.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n{joined(content)}\n"
        + (f"<script>{script}</script>\n" if script else "")
        + "</body>\n</html>\n"
    )
