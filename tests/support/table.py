"""The table of docs/reliability.md: what came of each fault, in each modality, on each database."""

from __future__ import annotations

from pathlib import Path

MODALITIES = ("lotes", "lotes_encola", "nuevo_encola")
DATABASES = ("sqlite", "postgresql", "mariadb")
BEGIN, END = "<!-- written by tests/promise/test_every_fault.py -->", "<!-- end of what the tests wrote -->"
_HEAD = "| fault | modality | SQLite | PostgreSQL | MariaDB |\n|---|---|---|---|---|\n"

Cells = dict[tuple[str, str], dict[str, str]]


class Table:
    """What this run found, by fault and modality."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], str] = {}

    def add(self, fault: str, modality: str, outcome: str) -> None:
        self._found[fault, modality] = outcome

    def write(self, page: Path, database: str) -> None:
        """Write this database's column, and leave the others as they are."""
        before = _read(page)
        cells: Cells = {row: {**before.get(row, {}), database: outcome} for row, outcome in self._found.items()}
        lines = "".join(
            f"| `{fault}` | {modality} | {' | '.join(cells[fault, modality].get(one, '') for one in DATABASES)} |\n"
            for fault, modality in cells
        )
        text = page.read_text(encoding="utf-8")
        head, tail = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
        page.write_text(f"{head}\n{_HEAD}{lines}{tail}", encoding="utf-8")


def outcomes_of(page: Path, database: str) -> dict[tuple[str, str], str]:
    """Return what the page says of a database, by fault and modality."""
    return {row: cell.get(database, "") for row, cell in _read(page).items()}


def _read(page: Path) -> Cells:
    text = page.read_text(encoding="utf-8")
    table = text[text.index(BEGIN) + len(BEGIN) : text.index(END)].strip()
    cells: Cells = {}
    for line in table.splitlines()[2:]:
        fault, modality, *outcomes = (cell.strip() for cell in line.strip("| \n").split("|"))
        padded = [*outcomes, "", "", ""][:3]
        cells[fault.strip("`"), modality] = dict(zip(DATABASES, padded, strict=True))
    return cells
