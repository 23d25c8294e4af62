"""Do the links of README and docs lead somewhere, and are the files and headings there that pages and code name?

``python -m tests.links`` lists what does not, and ends with status 1. It reads files and calls nobody: of an address on
the internet only the form is checked.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md")
CODE = ("benchmarks", "django_tusfacturas_lotes", "example_project", "tests")

# The form in which code points at a page: the file, a comma, a heading of it, on one line. CONTRIBUTING.md says so.
_NAMED_PAGE = re.compile(r"\bdocs/[\w-]+\.md\b(?P<comma>, ?(?P<heading>[^()\"'`;,.\n]*))?")
_HTML_LINK = re.compile(r"""\b(?:href|src)\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_HTML_ANCHOR = re.compile(r"""\b(?:id|name)\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
# A file of the repository as a page names it in code: `tests/links.py`, `pytest tests/test_x.py::test_y`.
_NAMED_FILE = re.compile(
    r"(?<![\w./-])(?:\.ci|benchmarks|django_tusfacturas_lotes|docs|example_project|tests)/[\w./-]*"
)
# It names what was there once.
_HISTORY = "CHANGELOG.md"
# They name pages that are not there.
_OWN_TESTS = "test_links.py"
_LINE_OF_CODE = re.compile(r"L[0-9]+(-L[0-9]+)?")


class Broken(NamedTuple):
    """A link that leads nowhere: where it stands, what it is, and what is wrong with it."""

    file: Path
    line: int
    link: str
    why: str


class Page(NamedTuple):
    """A Markdown file: its headings as they are written, the anchors that can be linked to; links and code by line."""

    headings: tuple[str, ...]
    anchors: frozenset[str]
    links: tuple[tuple[int, str], ...]
    code: tuple[tuple[int, str], ...]


def broken_links(root: Path = ROOT) -> Iterator[Broken]:
    """Yield each broken link of the pages, and each file or heading that is named and not there."""
    for pattern in PAGES:
        for path in sorted(root.glob(pattern)):
            yield from _broken_in_page(path, root)
    for folder in CODE:
        for path in sorted((root / folder).rglob("*.py")):
            if path.name != _OWN_TESTS:
                yield from _broken_in_code(path, root)


@cache
def read_page(path: Path) -> Page:
    """Read a Markdown file. What looks like a link and stands in code, inline or fenced, is none."""
    headings: list[str] = []
    links: list[tuple[int, str]] = []
    code: list[tuple[int, str]] = []
    anchors: set[str] = set()
    tokens = MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))
    line = 0
    for before, token in zip([None, *tokens], tokens, strict=False):
        line = token.map[0] + 1 if token.map else line
        if before is not None and before.type == "heading_open":
            heading = _text(token)
            headings.append(heading)
            anchors.add(_free(_slug(heading), anchors))
        for part in [token, *(token.children or ())]:
            if part.type in ("html_block", "html_inline"):
                links += [(line, link) for link in _HTML_LINK.findall(part.content)]
                anchors.update(_HTML_ANCHOR.findall(part.content))
            elif part.type in ("link_open", "image"):
                links.append((line, str(part.attrs.get("href") or part.attrs.get("src") or "")))
            elif part.type in ("code_inline", "code_block", "fence"):
                code.append((line, part.content))
    return Page(tuple(headings), frozenset(anchors), tuple(links), tuple(code))


def _text(inline: Token) -> str:
    return "".join(part.content for part in inline.children or () if part.type in ("text", "code_inline"))


def _slug(heading: str) -> str:
    """Return the anchor that the hosting gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _free(slug: str, taken: set[str]) -> str:
    """Return `slug`, numbered where a heading above has the same."""
    return slug if slug not in taken else next(one for n in range(1, 1000) if (one := f"{slug}-{n}") not in taken)


def _broken_in_page(path: Path, root: Path) -> Iterator[Broken]:
    page = read_page(path)
    for line, link in page.links:
        if why := _what_is_wrong(link, path, root):
            yield Broken(path.relative_to(root), line, link, why)
    for line, code in page.code if path.name != _HISTORY else ():
        for name in _NAMED_FILE.findall(code):
            if not (root / name.rstrip(".")).exists():
                yield Broken(path.relative_to(root), line, name, "there is no such file")


def _what_is_wrong(link: str, path: Path, root: Path) -> str:
    """Return why a link of a page is broken; "" where it is not."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return _what_is_wrong_outside(link)
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if parts.path.startswith("/") or not target.is_relative_to(root.resolve()):
        return "it leads out of the repository"
    if not target.exists():
        return "there is no such file"
    anchor = unquote(parts.fragment)
    if not anchor:
        return "" if parts.path else "it is empty"
    if target.suffix != ".md":
        return "" if target.is_file() and _LINE_OF_CODE.fullmatch(anchor) else "there are no anchors in it"
    return "" if anchor in read_page(target).anchors else f"{target.name} has no heading with that anchor"


def _what_is_wrong_outside(link: str) -> str:
    parts = urlsplit(link)
    if parts.scheme == "mailto":
        return "" if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", parts.path) else "it is not an address"
    if parts.scheme not in ("http", "https"):
        return "it is neither https, http nor mailto"
    host = parts.hostname or ""
    return "" if re.fullmatch(r"localhost|[\w-]+(\.[\w-]+)+", host) else "it names no host"


def _broken_in_code(path: Path, root: Path) -> Iterator[Broken]:
    for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        for named in _NAMED_PAGE.finditer(text):
            page = root / named[0].partition(",")[0]
            if not page.exists():
                why = "there is no such file"
            elif named["comma"] is None:
                continue
            elif not (heading := named["heading"].strip()):
                why = "its heading must stand on the same line"
            elif heading in read_page(page).headings:
                continue
            else:
                why = f"{page.name} has no such heading"
            yield Broken(path.relative_to(root), line, named[0].strip(), why)


def main(root: Path = ROOT) -> int:
    """List what is broken. Returns the exit status."""
    broken = list(broken_links(root))
    for one in broken:
        print(f"{one.file}:{one.line}: {one.link}: {one.why}")
    print(f"{len(broken)} broken" if broken else "All links lead somewhere.")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
