"""The columns of all tables and the quantities in them as Markdown: the second half of results/README.md.

python -m carousel.tables.document results/README.md     writes that half again
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from carousel.tables.columns import FACTORS, ROLES, TYPES, Column
from carousel.tables.quantities import PATHS, QUANTITIES
from carousel.tables.schemas import TABLES

MARK = "<!-- From here on made by `python -m carousel.tables.document results/README.md`. -->"


def document() -> str:
    """All that is to be said of columns and quantities."""
    tables = [part for name, columns in TABLES.items() for part in (f"### {name}", *described(columns))]
    factors = grid(("column", "type", "role", "unit", "meaning"), map(line, FACTORS.values()))
    quantities = [
        (f"`{each.name}`", each.table, ", ".join(each.paths), each.unit, each.meaning) for each in QUANTITIES
    ]
    parts = [
        "## Columns",
        f"Types: {listed(TYPES)}.",
        f"Roles: {listed(ROLES)}.",
        "### Columns that several tables share",
        factors,
        *tables,
        "## Quantities",
        "What the column `quantity` of decay, calibration and dynamics may say; {state} and {gate} stand for the name "
        "of a state or a gate of the cell.",
        grid(("quantity", "table", "paths", "unit", "meaning"), quantities),
        f"Paths, the routes that the gradient may take: {listed(PATHS)}.",
    ]
    return "\n\n".join(parts) + "\n"


def described(columns: Iterable[Column]) -> list[str]:
    """One table: the shared columns by name, the others line by line."""
    shared = [column.name for column in columns if column == FACTORS.get(column.name)]
    own = [line(column) for column in columns if column.name not in shared]
    first = [f"Shared: {', '.join(f'`{name}`' for name in shared)}."] if shared else []
    return [*first, grid(("column", "type", "role", "unit", "meaning"), own)]


def line(column: Column) -> tuple[str, ...]:
    """A column as a line of a table."""
    name = "one per backend" if column.name == "{backend}" else f"`{column.name}`"
    return name, column.type, column.role, column.unit, column.meaning


def listed(meanings: dict[str, str]) -> str:
    """Words with their meanings in a sentence."""
    return "; ".join(f"*{word}*: {meaning}" for word, meaning in meanings.items())


def grid(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; the bars of |det| are no borders."""
    lines = [head, ("---",) * len(head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def renewed(text: str) -> str:
    """A text with all behind MARK made again; MARK itself is put at its end where it lacks it."""
    return f"{text.partition(MARK)[0].rstrip()}\n\n{MARK}\n\n{document()}"


if __name__ == "__main__":
    readme = Path(sys.argv[1])
    readme.write_text(renewed(readme.read_text(encoding="utf-8")), encoding="utf-8")
