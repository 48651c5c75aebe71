"""How long parsing takes: a thousand systems, against the same DAGs by hand and by dag-factory."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag

from bench.catalogs import by_hand, for_dag_factory, write_systems
from bench.rows import Row, ratio
from upkeep.catalog.compiled import Catalog

SYSTEMS = 1000
DAILY = Path(__file__).parents[1] / "dags" / "daily.py"
DAG_FACTORY = """\
from pathlib import Path
from airflow.sdk import DAG
from dagfactory import load_yaml_dags
load_yaml_dags(globals_dict=globals(), config_filepath={path!r})
"""


def rows(folder: Path) -> Iterator[Row]:
    """Yield the parsing rows; `folder` is empty and ours."""
    systems, cache = folder / "systems", folder / "cache"
    write_systems(systems, SYSTEMS)
    with _environment(UPKEEP_SYSTEMS=str(systems), UPKEEP_CACHE=str(cache)):
        cold = _seconds(DAILY, SYSTEMS)
        plans = list(Catalog().plans(cadence="daily"))
        hand = _write(folder / "hand" / "hand.py", by_hand(plans))
        yaml_file = _write(folder / "factory" / "dags.yaml", for_dag_factory(plans))
        loader = _write(folder / "factory" / "loader.py", DAG_FACTORY.format(path=str(yaml_file)))
        warm = _seconds(DAILY, SYSTEMS)
        note = f"warm {warm:.2f} s, catalog cold {cold:.2f} s for {SYSTEMS} systems"
        ours = ratio(lambda: _seconds(DAILY, SYSTEMS), lambda: _seconds(hand, SYSTEMS), rounds=5)
        yield Row("parse.1000_systems", ours, "x the same DAGs by hand", 1.3, note)
        factory = ratio(lambda: _seconds(DAILY, SYSTEMS), lambda: _seconds(loader, SYSTEMS), rounds=3)
        yield Row("parse.vs_dag_factory", factory, "x dag-factory", 0.2)
        yield _task_start(folder, systems)


def _task_start(folder: Path, systems: Path) -> Row:
    one = folder / "one"
    one.mkdir()
    shutil.copy(systems / "bench-0000.yaml", one)
    dag_id = "bench-0000_daily"

    def start(where: Path) -> float:
        with _environment(
            UPKEEP_SYSTEMS=str(where), _AIRFLOW_PARSING_CONTEXT_DAG_ID=dag_id, UPKEEP_CACHE=f"{where}-cache"
        ):
            return _seconds(DAILY, expected=1)

    value = ratio(lambda: start(systems), lambda: start(one), rounds=41)
    note = f"parse at a task start {start(systems) * 1000:.0f} ms with {SYSTEMS} systems"
    return Row("task_start.1000_systems", value, "x with one system", 1.15, note)


def _seconds(file: Path, expected: int) -> float:
    """Return how long Airflow takes to load the file's DAGs, without what every parse has imported."""
    began = time.perf_counter()
    bag = DagBag(dag_folder=file)
    taken = time.perf_counter() - began
    if bag.import_errors or len(bag.dags) != expected:
        raise RuntimeError(f"{file} gives {len(bag.dags)} DAGs, not {expected}: {bag.import_errors}")
    return taken


@contextmanager
def _environment(**variables: str) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path
