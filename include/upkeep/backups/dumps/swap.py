"""In place: what was restored beside takes the name of the original, which is kept under another."""

from __future__ import annotations

import time
from typing import Any

from upkeep.backups.dumps.marks import Mark, databases
from upkeep.backups.dumps.mysql_databases import MARK_TABLE
from upkeep.backups.dumps.postgres_databases import TERMINATE, comment
from upkeep.backups.dumps.server import DatabaseServer, Session
from upkeep.errors import PermanentError, TemporaryError

_TRIES = 20
_IN_THE_WAY = """
SELECT 'view', TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA IN (%s, %s)
UNION ALL SELECT 'trigger', TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA IN (%s, %s)
UNION ALL SELECT 'routine', ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA IN (%s, %s)
UNION ALL SELECT 'event', EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA IN (%s, %s)
"""
_TABLES = "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s AND TABLE_NAME <> %s"
_SETTINGS = """
SELECT r.rolname, s.setconfig FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE d.datname = %s
"""
_LISTS = {"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"}
_GRANTS = """
SELECT CASE WHEN a.grantee = 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END, a.privilege_type
FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a WHERE d.datname = %s
"""


def swap_plan(restored: DatabaseServer, original: str, keep_as: str) -> dict[str, Any]:
    """Look whether `restored` can take the name `original`, changing nothing; values that JSON can hold."""
    those = databases(restored)
    mark = those.mark(restored.database)
    problems = []
    if swapped(restored, original, keep_as):
        return {"action": "swap", "done": True, "problems": []}
    if mark is None or mark.state != "restored":
        problems.append(f"{restored.where}: it holds no finished restore")
    if not those.exists(original):
        problems.append(f"{restored.at(original).where}: there is no such database to replace")
    kept = those.mark(keep_as)
    ours = kept is None or kept.state == "kept"  # one killed early left it empty, with a mark or without
    if those.exists(keep_as) and not (ours and those.is_empty(keep_as) and restored.engine == "mysql"):
        problems.append(f"{restored.at(keep_as).where}: the name to keep the old one under is taken")
    if restored.engine == "mysql" and not problems:
        problems += _in_the_way(restored, original)
    return {
        "action": "swap",
        "restored": restored.where,
        "original": restored.at(original).where,
        "kept_as": restored.at(keep_as).where,
        "done": False,
        "problems": problems,
    }


def swap_in(restored: DatabaseServer, original: str, keep_as: str) -> None:
    """Give what was restored the name of the original, and the original the name `keep_as`, at once.

    PostgreSQL: both databases are renamed in one transaction, after the original's connections were ended;
    comment, connection limit, settings and grants of the old one go over. MariaDB and MySQL: all tables of
    both move in one RENAME statement; a database with views, triggers, routines or events is refused, for
    those cannot move. What is done already is left as it is. Going back is the same with names changed.
    """
    plan = swap_plan(restored, original, keep_as)
    if plan["done"]:
        return
    if plan["problems"]:
        raise PermanentError("; ".join(plan["problems"]))
    mark = databases(restored).mark(restored.database)
    kept = Mark("kept", mark.copy if mark else "", None)
    if restored.engine == "mysql":
        _swap_tables(restored, original, keep_as, kept)
    else:
        _swap_databases(restored, original, keep_as, kept)


def swapped(restored: DatabaseServer, original: str, keep_as: str) -> bool:
    """Whether what was restored has taken the name of the original, all of it."""
    those = databases(restored)
    mark = those.mark(keep_as)
    if mark is None or mark.state != "kept" or not those.exists(original):
        return False
    if restored.engine == "mysql":
        return not those.is_empty(keep_as) and (
            not those.exists(restored.database) or those.is_empty(restored.database)
        )
    return not those.exists(restored.database)


def _in_the_way(restored: DatabaseServer, original: str) -> list[str]:
    with restored.at("").session() as session:
        found = session.run(_IN_THE_WAY, (original, restored.database) * 4)
    return [
        f"{restored.at(original).where}: the {kind} {name} cannot move to another database; restore beside"
        for kind, name in sorted(set(found))
    ]


def _swap_tables(restored: DatabaseServer, original: str, keep_as: str, kept: Mark) -> None:
    those = databases(restored)
    if not those.exists(keep_as):
        those.create(keep_as, {})
    those.set_mark(keep_as, kept)
    with restored.at("").session() as session:

        def moves(source: str, target: str) -> list[str]:
            names = [row[0] for row in session.run(_TABLES, (source, MARK_TABLE))]
            return [f"{session.name(source, name)} TO {session.name(target, name)}" for name in names]

        every = [*moves(original, keep_as), *moves(restored.database, original)]
        session.run(f"RENAME TABLE {', '.join(every)}")


def _swap_databases(restored: DatabaseServer, original: str, keep_as: str, kept: Mark) -> None:
    """Rename both; whoever connects between the end of the others and the lock makes it try again."""
    server = restored.at(restored.maintenance)
    with server.session() as session:
        for number in range(_TRIES):
            for name in (original, restored.database):
                session.run(TERMINATE, (name,))
            session.run("BEGIN")
            try:
                _rename(session, restored.database, original, keep_as, kept)
                session.run("COMMIT")
            except PermanentError as e:
                session.run("ROLLBACK")
                if "being accessed by other users" not in str(e):
                    raise
                if number == _TRIES - 1:
                    raise TemporaryError(f"{server.where}: {original} is always in use: {e}") from e
                time.sleep(0.2)
            else:
                return


def _rename(session: Session, restored: str, original: str, keep_as: str, kept: Mark) -> None:
    text = session.value(
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (original,)
    )
    limit = session.value("SELECT datconnlimit FROM pg_database WHERE datname = %s", (original,))
    owner = session.value("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = %s", (original,))
    settings, grants = session.run(_SETTINGS, (original,)), session.run(_GRANTS, (original,))
    name = session.name
    session.run(f"ALTER DATABASE {name(original)} RENAME TO {name(keep_as)}")
    session.run(f"ALTER DATABASE {name(restored)} RENAME TO {name(original)}")
    session.run(f"ALTER DATABASE {name(original)} OWNER TO {name(owner)}")
    session.run(f"ALTER DATABASE {name(original)} CONNECTION LIMIT {int(limit)}")
    for role, values in settings:
        whose = f"ROLE {name(role)} IN DATABASE" if role else "DATABASE"
        for value in values:
            setting, _, new = value.partition("=")
            # A list is kept as it is written; any other value is bound, by the server.
            text_of = new if setting in _LISTS else session.value("SELECT quote_literal(%s)", (new,))
            session.run(f"ALTER {whose} {name(original)} SET {name(setting)} = {text_of}")
    session.run(f"REVOKE ALL ON DATABASE {name(original)} FROM PUBLIC")
    for grantee, privilege in grants:
        who = name(grantee) if grantee else "PUBLIC"
        session.run(f"GRANT {privilege} ON DATABASE {name(original)} TO {who}")
    comment(session, original, text)
    comment(session, keep_as, kept.text())
