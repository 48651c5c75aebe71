"""Runs every bench, prints a table, and writes `build/bench.json`."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

# Airflow reads its configuration when it is first imported: keep the bench out of anybody's home.
HOME = tempfile.mkdtemp(prefix="upkeep-bench-")
os.environ |= {
    "AIRFLOW_HOME": HOME,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(Path(__file__).parents[1] / "plugins"),
}

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from bench import dumps, escalation, idle, memory, namespaces, parsing, routines, versions  # noqa: E402
from bench.rows import Row, save  # noqa: E402

OUTPUT = Path("build/bench.json")


def main() -> int:
    """Return 0 where every row keeps its target."""
    console = Console()
    rows: list[Row] = []
    wanted = sys.argv[1:]
    benches = {
        "parsing": parsing.rows,
        "memory": memory.rows,
        "routines": routines.rows,
        "escalation": escalation.rows,
        "idle": idle.rows,
        "dumps": dumps.rows,
        "namespaces": namespaces.rows,
        "versions": versions.rows,
    }
    for name, bench in benches.items():
        if wanted and name not in wanted:
            continue
        console.print(f"[dim]measuring {name} …[/]")
        with tempfile.TemporaryDirectory(prefix=f"upkeep-bench-{name}-") as folder:
            rows += bench(Path(folder))
        save(rows, OUTPUT)  # each time: the whole takes most of an hour, and a part may fail
    console.print(_table(rows))
    return 0 if all(row.ok for row in rows) else 1


def _table(rows: list[Row]) -> Table:
    table = Table("name", "value", "unit", "target", "", "note")
    for row in rows:
        judged = "" if row.target is None else "[green]ok[/]" if row.ok else "[red]missed[/]"
        target = "" if row.target is None else f"≤ {row.target:g}"
        table.add_row(row.name, f"{row.value:.3g}", row.unit, target, judged, row.note)
    return table


if __name__ == "__main__":
    sys.exit(main())
