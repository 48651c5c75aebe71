"""Foreign keys whose parents are missing: a restore loads rows without looking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from upkeep.backups.dumps.server import Engine, Session
from upkeep.errors import PermanentError, TemporaryError

_MYSQL = """
SELECT k.CONSTRAINT_NAME, k.TABLE_NAME, k.COLUMN_NAME, k.REFERENCED_TABLE_SCHEMA, k.REFERENCED_TABLE_NAME,
    k.REFERENCED_COLUMN_NAME, DATABASE()
FROM information_schema.KEY_COLUMN_USAGE k
WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_NAME IS NOT NULL
ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME, k.ORDINAL_POSITION
"""

_POSTGRES = """
SELECT c.conname, child.relname, a.attname, parent_schema.nspname, parent.relname, b.attname,
    child_schema.nspname
FROM pg_constraint c
JOIN pg_class child ON child.oid = c.conrelid
JOIN pg_namespace child_schema ON child_schema.oid = child.relnamespace
JOIN pg_class parent ON parent.oid = c.confrelid
JOIN pg_namespace parent_schema ON parent_schema.oid = parent.relnamespace
CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k(child_column, parent_column, place)
JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.child_column
JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.parent_column
WHERE c.contype = 'f'
ORDER BY child_schema.nspname, child.relname, c.conname, k.place
"""

_NOT_VALID = """
SELECT c.conname, c.conrelid::regclass::text FROM pg_constraint c
WHERE NOT c.convalidated AND c.contype IN ('f', 'c') ORDER BY 1
"""


@dataclass(frozen=True)
class ForeignKey:
    """child and parent: schema and table. columns: of the child and of the parent, pair by pair."""

    name: str
    child: tuple[str, str]
    parent: tuple[str, str]
    columns: tuple[tuple[str, str], ...]


def foreign_key_problems(session: Session, engine: Engine) -> tuple[int, list[str]]:
    """Return how many foreign keys were examined, and what is wrong with them.

    Each is examined by its rows: those of the child that have no parent are counted. In PostgreSQL a
    constraint that was never validated is a problem as well.
    """
    problems = []
    if engine == "postgres":
        for name, table in session.run(_NOT_VALID):
            problems.append(f"constraint {name} of {table} was never validated")
    keys = list(_foreign_keys(session, engine))
    for key in keys:
        try:
            orphans = session.value(_orphans(session, key))
        except (PermanentError, TemporaryError) as e:
            problems.append(f"foreign key {key.name} of {key.child[1]}: {e}")
            continue
        if orphans:
            problems.append(
                f"foreign key {key.name}: {orphans:,} rows of {key.child[1]} lack a parent in {key.parent[1]}"
            )
    return len(keys), problems


def _foreign_keys(session: Session, engine: Engine) -> Iterator[ForeignKey]:
    keys: dict[tuple[str, str, str], ForeignKey] = {}
    for row in session.run(_POSTGRES if engine == "postgres" else _MYSQL):
        name, table, column, parent_schema, parent_table, parent_column, schema = map(str, row)
        columns = keys[found].columns if (found := (schema, table, name)) in keys else ()
        keys[found] = ForeignKey(
            name, (schema, table), (parent_schema, parent_table), (*columns, (column, parent_column))
        )
    yield from keys.values()


def _orphans(session: Session, key: ForeignKey) -> str:
    """Return the query that counts rows without a parent; one with a NULL in the key needs none."""
    name = session.name
    pairs = [(name("child", one), name("parent", other)) for one, other in key.columns]
    joined = " AND ".join(f"{child} = {parent}" for child, parent in pairs)
    given = " AND ".join(f"{child} IS NOT NULL" for child, _ in pairs)
    return (
        f"SELECT COUNT(*) FROM {name(*key.child)} AS {name('child')} WHERE {given} AND NOT EXISTS "  # noqa: S608
        f"(SELECT 1 FROM {name(*key.parent)} AS {name('parent')} WHERE {joined})"
    )
