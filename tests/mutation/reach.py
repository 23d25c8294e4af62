"""Which tests reach a line: the suite runs once under coverage, and again only where something has changed."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from coverage import CoverageData

from .points import PACKAGE, Mutant, core_files

# What every test stands on, beside the package.
_FOR_ALL = ("conftest.py", "settings.py", "urls.py")
_IMPORTS = re.compile(r"^\s*(?:from|import) (tests[\w.]*)(?: import (\([^)]*\)|[^\n]*))?", re.MULTILINE)
_CONFIG = f"[run]\nrelative_files = true\ncore = ctrace\nsource = {PACKAGE}\n"


class Reach:
    """The tests that pass unchanged, how long each takes, and the lines that each reaches."""

    def __init__(self, root: Path, seconds: dict[str, float], data: CoverageData) -> None:
        self._root = root
        self._seconds = seconds
        self._data = data
        self._contexts: dict[str, dict[int, set[str]]] = {}

    def tests_for(self, mutant: Mutant) -> list[str]:
        """Return the tests that may notice a mutant: those named for its file first, then by how fast they are."""
        found = self._tests_for(mutant)
        return sorted(found, key=lambda test: (_distance(mutant.file, test), self._seconds[test], test))

    def seconds(self, tests: Iterable[str]) -> float:
        """Return how long tests take on the unchanged code."""
        return sum(self._seconds[test] for test in tests)

    def _tests_for(self, mutant: Mutant) -> set[str]:
        place = _Place(mutant.source, mutant.line)
        if place.lines:
            return self._reaching(mutant.file, place.lines)
        # It runs when its module is imported: those of its folder, and those that reach what it defines, wherever that
        # is named.
        found = {test for test in self._seconds if _distance(mutant.file, test) < 2}
        found |= self._reaching(mutant.file, range(1, mutant.source.count("\n") + 2))
        if not place.names:
            return found
        word = re.compile(rf"\b(?:{'|'.join(map(re.escape, sorted(place.names)))})\b")
        for file in core_files(self._root):
            text = (self._root / PACKAGE / file).read_text(encoding="utf-8")
            lines = [at for at, line in enumerate(text.splitlines(), 1) if word.search(line)]
            found |= self._reaching(file, lines)
        return found

    def _reaching(self, file: str, lines: Iterable[int]) -> set[str]:
        if file not in self._contexts:
            by_line = self._data.contexts_by_lineno(f"{PACKAGE}/{file}")
            self._contexts[file] = {
                line: {context.rpartition("|")[0] for context in contexts} for line, contexts in by_line.items()
            }
        known = self._contexts[file]
        return {test for line in lines for test in known.get(line, ()) if test in self._seconds}


class _Place:
    """The lines that run together with a line of a function, or the names that a line of a module defines."""

    def __init__(self, source: str, line: int) -> None:
        self.lines: set[int] = set()
        self.names: set[str] = set()
        around = [
            node
            for node in ast.walk(ast.parse(source))
            if isinstance(node, ast.stmt | ast.Lambda) and line in _span(node)
        ]
        inner = around[-1] if around else None  # ast.walk goes from the outside inwards
        functions = [one for one in around if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
        if functions and functions[-1] is inner:
            body = inner.body if isinstance(inner.body, list) else [inner.body]
            self.lines = {at for one in body for at in range(one.lineno, (one.end_lineno or one.lineno) + 1)}
        elif functions and inner is not None:
            self.lines = _own_lines(inner, line)
        else:
            for one in around:
                self.names |= set(_names(one))


def _span(node: Any) -> range:
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    return range(first, node.end_lineno + 1)


def _own_lines(statement: ast.stmt, line: int) -> set[int]:
    """Return the lines of a statement around one of its lines, without those of the statements inside it."""
    inside = {
        at for one in ast.walk(statement) if isinstance(one, ast.stmt) and one is not statement for at in _span(one)
    }
    own = [at for at in _span(statement) if at not in inside or at == line]
    return {at for at in own if all(between in own for between in range(min(at, line), max(at, line)))}


def _names(statement: ast.AST) -> Iterable[str]:
    if isinstance(statement, ast.ClassDef):
        yield statement.name
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    for target in targets:
        if isinstance(target, ast.Name):
            yield target.id


def _distance(file: str, test: str) -> int:
    """How far a test's file is from the changed one, by its place and name: 0 is its own."""
    folders, name = Path(file).parts[:-1], Path(file).stem
    path = Path(test.partition("::")[0])
    same_folder = bool(folders) and path.parts[1:-1] == folders
    same_name = path.stem == f"test_{name}" or (name == "__init__" and same_folder)
    return 2 - same_folder - same_name


def reach_of(root: Path, build: Path, jobs: int, only: Sequence[str]) -> Reach:
    """Return what reaches what: from `build`, where it is as new as the tree, or by running what has changed.

    `only`: test files or folders to look at; all when it is empty.
    """
    build.mkdir(parents=True, exist_ok=True)
    kept_in = build / "tests.json"
    kept: dict[str, Any] = json.loads(kept_in.read_text(encoding="utf-8")) if kept_in.exists() else {}
    surroundings, tests = _digests(root)
    if only:
        tests = {file: digest for file, digest in tests.items() if any(Path(file).is_relative_to(one) for one in only)}
    fresh = kept.get("surroundings") == surroundings
    known: dict[str, str] = kept.get("files", {}) if fresh else {}
    seconds: dict[str, float] = kept.get("seconds", {}) if fresh else {}
    changed = sorted(file for file in tests if known.get(file) != tests[file])
    if changed:
        report = _run(root, build, changed, jobs, append=bool(known))
        failed = set(report["failed"])
        seconds = {test: one for test, one in seconds.items() if test.partition("::")[0] not in changed}
        seconds |= {test: one for test, one in report["seconds"].items() if test not in failed}
        known |= {file: tests[file] for file in changed}
        if failed:
            print(f"left out, since they fail on the unchanged code: {', '.join(sorted(failed))}", flush=True)
        kept = {"surroundings": surroundings, "files": known, "seconds": seconds}
        kept_in.write_text(json.dumps(kept), encoding="utf-8")
    data = CoverageData(str(build / "coverage"))
    data.read()
    return Reach(root, {test: one for test, one in seconds.items() if test.partition("::")[0] in tests}, data)


def _digests(root: Path) -> tuple[str, dict[str, str]]:
    """Return a digest of what every test stands on, and one of each test file, with the helpers that it imports."""
    contents = {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf-8")
        for folder in (PACKAGE, "tests", "example_project")
        for path in sorted((root / folder).rglob("*.py"))
    }
    tests = {file for file in contents if Path(file).name.startswith("test_")}
    helpers = {file for file in contents if file.startswith("tests/") and Path(file).name not in _FOR_ALL} - tests
    everywhere = {one for file in contents if file not in tests | helpers for one in _with_helpers(file, contents)}
    return _digest_of(contents, everywhere), {
        file: _digest_of(contents, _with_helpers(file, contents)) for file in tests
    }


def _digest_of(contents: Mapping[str, str], files: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(f"{file}\0{contents[file]}" for file in sorted(files)).encode()).hexdigest()


def _with_helpers(file: str, contents: Mapping[str, str]) -> set[str]:
    """Return a file and the modules of the tests that it imports, and those that they import."""
    found: set[str] = set()
    left = [file]
    while left:
        one = left.pop()
        if one in found or one not in contents:
            continue
        found.add(one)
        for module, names in _IMPORTS.findall(contents[one]):
            path = module.replace(".", "/")
            left += [f"{path}.py", *(f"{path}/{name}.py" for name in re.findall(r"\w+", names))]
    return found


def _run(root: Path, build: Path, files: Sequence[str], jobs: int, append: bool) -> dict[str, Any]:
    print(f"which test reaches which line: running {len(files)} test files under coverage", flush=True)
    config, report = build / "coveragerc", build / "report.json"
    config.write_text(_CONFIG, encoding="utf-8")
    report.unlink(missing_ok=True)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MUTATION_")}
    environment = {**inherited, "COVERAGE_FILE": str(build / "coverage"), "MUTATION_REPORT": str(report)}
    arguments = ["-q", "-n", str(jobs), "-m", "", "-p", "tests.mutation.plugin", "-p", "no:cacheprovider"]
    cover = [f"--cov={PACKAGE}", f"--cov-config={config}", "--cov-context=test", "--cov-report="]
    if append:
        cover.append("--cov-append")
    command = [sys.executable, "-m", "pytest", *arguments, *cover, *files]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1) or not report.exists():
        raise SystemExit(f"the tests did not run:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    result: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return result
