"""Links of the documentation that leave docs/, for the site that `make docs` builds.

The pages are written for the repository, where a link may lead to any of its files. On the site

- a page of the repository's root (`ROOT_PAGES`) is a page of the site as well;
- a link to another file outside docs/ leads to the repository, where its address is known: GitHub's actions and
  `REPOSITORY_URL` in the environment say so. Elsewhere it becomes plain text.
"""

import os
import re
from pathlib import Path
from posixpath import normpath, relpath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).parent.parent
ROOT_PAGES = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
LINK = re.compile(r"\[([^\[\]]+)\]\(([^)\s]+)\)")
EXTERNAL = re.compile(r"[a-z]+:|#")


def repository_url(environment: "Mapping[str, str]") -> str | None:
    """The address of the repository's files, or None where it isn't known."""
    if "GITHUB_REPOSITORY" in environment:
        server, name = environment.get("GITHUB_SERVER_URL", "https://github.com"), environment["GITHUB_REPOSITORY"]
        return f"{server}/{name}/blob/{environment.get('GITHUB_SHA', 'HEAD')}"
    given = environment.get("REPOSITORY_URL")
    return f"{given.rstrip('/')}/blob/HEAD" if given else None


def for_the_site(markdown: str, page: str, url: str | None) -> str:
    """Rewrite the links of a page.

    Args:
        markdown: the page's text.
        page: its place on the site, "decisions/README.md" or "SECURITY.md".
        url: address of the repository's files, if it is known.
    """
    folder = Path(page).parent.as_posix()
    source = "." if page in ROOT_PAGES else f"docs/{folder}"

    def rewritten(match: "re.Match[str]") -> str:
        text, link = match.groups()
        name, hash_sign, anchor = link.partition("#")
        if EXTERNAL.match(link):
            return match[0]
        target = normpath(f"{source}/{name}")
        if target.startswith("docs/") or target in ROOT_PAGES:
            return f"[{text}]({relpath(target.removeprefix('docs/'), folder)}{hash_sign}{anchor})"
        return f"[{text}]({url}/{target}{hash_sign}{anchor})" if url else text

    return LINK.sub(rewritten, markdown)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages of the repository's root to the site."""
    from mkdocs.structure.files import File  # here, so that the tests of this file need no MkDocs

    for name in ROOT_PAGES:
        files.append(File.generated(config, name, abs_src_path=str(REPOSITORY / name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Rewrite the links of a page."""
    return for_the_site(markdown, page.file.src_uri, repository_url(os.environ))
