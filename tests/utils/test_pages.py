from html.parser import HTMLParser

from gan_lab.utils import pages


class Reader(HTMLParser):
    """Notes elements, and what they would load."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.loaded: list[str] = []
        self.attributes: list[str] = []
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "poster")]


HOSTILE = '"><script>alert(1)</script><img src=http://x onerror=alert(1)>\x1b[2J'


def test_texts_stay_texts_wherever_they_stand() -> None:
    content = pages.page(
        HOSTILE,
        pages.section(HOSTILE, pages.paragraph(HOSTILE), pages.code(HOSTILE), pages.items([HOSTILE])),
        pages.table([HOSTILE], [[HOSTILE, HOSTILE]]),
        pages.picture(b"x", "png", HOSTILE, title=HOSTILE),
    )
    read = Reader(content)
    assert "script" not in read.elements
    assert read.elements.count("img") == 1
    assert "onerror" not in read.attributes
    assert read.loaded == ["data:image/png;base64,eA=="]
    assert "\x1b" not in content


def test_a_page_loads_nothing_and_says_so() -> None:
    content = pages.page("title", pages.paragraph("text"), script="let a = 1", style="p { color: red }")
    assert "default-src 'none'" in content.split("<title>")[0], "before anything that could load"
    assert "width=device-width" in content
    assert "<script>let a = 1</script>" in content
    assert "p { color: red }" in content
    assert "http" not in content.replace("http-equiv", "")
    assert "other-policy" in pages.page("title", policy="other-policy")


def test_elements_are_spelled() -> None:
    made = pages.element("input", type="range", class_="a b", hidden=True, disabled=False, value=None, aria_label="x")
    assert made == '<input type="range" class="a b" hidden aria-label="x">'
    assert pages.element("p", pages.text("a<b")) == "<p>a&lt;b</p>"
    assert pages.joined([pages.text("a"), pages.text("b")]) == "ab"
    assert "thead" not in pages.table([], [["a", 1]])
