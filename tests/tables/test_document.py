"""results/README.md says of files and columns what is so."""

from pathlib import Path

from carousel.tables.columns import FACTORS
from carousel.tables.document import MARK, document, renewed
from carousel.tables.quantities import QUANTITIES
from carousel.tables.schemas import TABLES

README = (Path(__file__).parents[2] / "results" / "README.md").read_text()


def test_the_readme_has_the_columns_as_they_are() -> None:
    """Where they differ: python -m carousel.tables.document results/README.md"""
    assert renewed(README) == README


def test_every_table_has_a_line_among_the_files() -> None:
    files = README.partition(MARK)[0]
    assert all(f"| `{table}.parquet`" in files for table in TABLES if table not in ("claims", "comparison"))
    assert "| `claims.parquet`, `claims.csv`, `claims.json`" in files


def test_every_column_and_quantity_is_described() -> None:
    text = document()
    columns = [column for table in TABLES.values() for column in table if column.name != "{backend}"]
    assert all(f"| `{column.name}` | {column.type} |" in text for column in (*columns, *FACTORS.values()))
    assert all(f"| `{entry.name}` | {entry.table} |" in text for entry in QUANTITIES)


def test_what_is_written_by_hand_stays() -> None:
    assert renewed("# Results\n") == f"# Results\n\n{MARK}\n\n{document()}"
    assert renewed(f"by hand\n\n{MARK}\n\nold") == f"by hand\n\n{MARK}\n\n{document()}"
