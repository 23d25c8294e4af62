"""A broken link of README and docs is found, and so is a heading that code names and that does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import links

PAGE = """\
# The page

See [below](#a-heading-with-code) and <a href="other.md#the-page">the other</a>.

## A heading, with `code`

## Twice

## Twice
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose links are all good."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "README.md").write_text("# Read me\n\n[the page](docs/page.md#twice-1)\n")
    (tmp_path / "docs" / "page.md").write_text(PAGE)
    (tmp_path / "docs" / "other.md").write_text("# The page\n")
    (tmp_path / "tests" / "test_it.py").write_text("# docs/page.md, Twice (the second one)\n")
    return tmp_path


def found(repository: Path) -> list[str]:
    links.read_page.cache_clear()
    return [f"{one.file}:{one.line}: {one.why}" for one in links.broken_links(repository)]


def test_all_links_of_this_repository_lead_somewhere() -> None:
    assert list(links.broken_links()) == []


def test_good_links_are_not_listed(repository: Path) -> None:
    assert found(repository) == []


@pytest.mark.parametrize(
    ("link", "why"),
    [
        ("missing.md", "there is no such file"),
        ("Page.md", "there is no such file"),
        ("../docs/missing", "there is no such file"),
        ("page.md#no-such-heading", "page.md has no heading with that anchor"),
        ("#no-such-heading", "more.md has no heading with that anchor"),
        ("page.md#twice-2", "page.md has no heading with that anchor"),
        ("../tests/test_it.py#it", "there are no anchors in it"),
        ("../..", "it leads out of the repository"),
        ("/docs/page.md", "it leads out of the repository"),
        ("http:/nowhere", "it names no host"),
        ("https://a host/", ""),  # a space: no link at all
        ("ftp://example.com/", "it is neither https, http nor mailto"),
        ("mailto:nobody", "it is not an address"),
        ("", "it is empty"),
        ("page.md", ""),
        ("page.md#a-heading-with-code", ""),
        ("../docs/", ""),
        ("../tests/test_it.py#L1", ""),
        ("https://www.tusfacturas.app", ""),
        ("http://localhost:8000/admin/", ""),
        ("mailto:somebody@example.com", ""),
    ],
)
def test_a_link_of_a_page_leads_somewhere_or_is_listed(repository: Path, link: str, why: str) -> None:
    (repository / "docs" / "more.md").write_text(f"# More\n\nText.\n\n[it]({link})\n")

    assert found(repository) == ([f"docs/more.md:5: {why}"] if why else [])


def test_a_link_in_code_is_none(repository: Path) -> None:
    (repository / "docs" / "more.md").write_text("`[it](missing.md)`\n\n```\n[it](missing.md)\n```\n")

    assert found(repository) == []


def test_a_file_that_a_page_names_in_code_is_there(repository: Path) -> None:
    (repository / "docs" / "more.md").write_text(
        "`tests/test_it.py`, `other/tests/gone.py`, `tests/test_gone.py::test_x`\n\n"
        "```sh\npytest tests/test_it.py tests/gone/\n```\n"
    )

    assert found(repository) == ["docs/more.md:1: there is no such file", "docs/more.md:3: there is no such file"]


def test_the_changelog_may_name_files_that_are_gone(repository: Path) -> None:
    (repository / "CHANGELOG.md").write_text("- `tests/test_gone.py` is gone. [why](docs/gone.md)\n")

    assert found(repository) == ["CHANGELOG.md:1: there is no such file"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("page.md, Twice", ""),
        ("page.md, Twice; ARCA 10016", ""),
        ("page.md, Twice.", ""),
        ('page.md, Twice"', ""),
        ("page.md, A heading", "page.md has no such heading"),
        ("page.md, twice", "page.md has no such heading"),
        ("page.md,", "its heading must stand on the same line"),
        ("missing.md, Twice", "there is no such file"),
        ("missing.md", "there is no such file"),
        ("page.md", ""),
    ],
)
def test_a_heading_that_code_names_exists_or_is_listed(repository: Path, text: str, why: str) -> None:
    (repository / "tests" / "test_it.py").write_text(f"\n# see docs/{text}\n")

    assert found(repository) == ([f"tests/test_it.py:2: {why}"] if why else [])


def test_the_command_lists_what_is_broken(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (repository / "docs" / "more.md").write_text("[it](missing.md)\n")

    assert links.main(repository) == 1
    assert capsys.readouterr().out == "docs/more.md:1: missing.md: there is no such file\n1 broken\n"


def test_the_command_ends_well_where_nothing_is_broken(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert links.main(repository) == 0
    assert capsys.readouterr().out == "All links lead somewhere.\n"
