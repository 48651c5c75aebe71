"""Incidents, their signals, pages and history; overrides; digests; what watches the watchdog."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")
OPEN = sa.text("resolved_at IS NULL")


def upgrade() -> None:
    _incidents()
    _signals()
    _pages()
    _incident_history()
    _overrides()
    _digests()
    _watch()


def _incidents() -> None:
    op.create_table(
        "incidents",
        *_about(),
        *_times_and_answers(),
        *_place_in_the_chain(),
        *_next_step(),
        sa.PrimaryKeyConstraint("id", name="incidents_pkey"),
        sa.ForeignKeyConstraint(["storm_id"], ["incidents.id"], name="incidents_storm_id_fkey"),
    )
    op.create_index(
        "incidents_due_idx",
        "incidents",
        ["next_step_at"],
        postgresql_where=sa.text("resolved_at IS NULL AND next_step_at IS NOT NULL"),
    )
    op.create_index(
        "incidents_open_key", "incidents", ["system", "fold_key"], unique=True, postgresql_where=OPEN
    )
    op.create_index("incidents_storm_id_idx", "incidents", ["storm_id"], postgresql_where=OPEN)
    op.create_index("incidents_system_opened_at_idx", "incidents", ["system", "opened_at"])


def _about() -> list[sa.Column[Any]]:
    return [
        sa.Column("id", sa.Uuid, nullable=False, comment="derived from the event that opened it"),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("issue_type", sa.Text, nullable=False),
        sa.Column("symptom", sa.Text),
        sa.Column("severity", sa.Text, nullable=False, comment="P0 to P3; only ever raised"),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("fold_key", sa.Text, nullable=False),
        sa.Column(
            "about", ARRAY(sa.Text), nullable=False, comment="other keys under which signals fold into it"
        ),
        sa.Column(
            "wrong", ARRAY(sa.Text), nullable=False, comment="what must recover before it resolves by itself"
        ),
        sa.Column("chain", JSONB, nullable=False),
        sa.Column("facts", JSONB, nullable=False),
    ]


def _times_and_answers() -> list[sa.Column[Any]]:
    return [
        sa.Column("began_at", TIME, nullable=False, comment="since when it has been so"),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column(
            "counted_from", TIME, nullable=False, comment="opened, or opened again: targets count from here"
        ),
        sa.Column("signals", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("last_signal_at", TIME, nullable=False),
        sa.Column("acknowledged_at", TIME, comment="by whoever has it now"),
        sa.Column("acknowledged_by", sa.Text),
        sa.Column("resolved_at", TIME),
        sa.Column("resolved_by", sa.Text),
    ]


def _place_in_the_chain() -> list[sa.Column[Any]]:
    return [
        sa.Column(
            "level",
            sa.Integer,
            nullable=False,
            server_default=sa.text("-1"),
            comment="the last one paged; -1 is none",
        ),
        sa.Column(
            "round",
            sa.Integer,
            nullable=False,
            server_default=sa.text("0"),
            comment="how often the chain started over",
        ),
        sa.Column(
            "series",
            sa.Integer,
            nullable=False,
            server_default=sa.text("0"),
            comment="how often paging began anew: reopened, handed over, raised, snoozed",
        ),
        sa.Column("paged_at", TIME, comment="when `level` was paged: its wait counts from here"),
        sa.Column(
            "heard",
            sa.Boolean,
            nullable=False,
            server_default=sa.text("false"),
            comment="a page of this round was delivered",
        ),
        sa.Column(
            "undelivered",
            sa.Boolean,
            nullable=False,
            server_default=sa.text("false"),
            comment="no channel took the page of `level`",
        ),
        sa.Column("reminders", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("reminded_at", TIME),
        sa.Column(
            "exhausted",
            sa.Boolean,
            nullable=False,
            server_default=sa.text("false"),
            comment="the chain has come to its last end: open and loud",
        ),
    ]


def _next_step() -> list[sa.Column[Any]]:
    return [
        sa.Column("snoozed_until", TIME),
        sa.Column("quiet", sa.Text, comment="the maintenance window that it began in"),
        sa.Column("quiet_until", TIME),
        sa.Column("storm_id", sa.Uuid),
        sa.Column("next_step_at", TIME),
        sa.Column("stepped_at", TIME, comment="when the last step was decided"),
        sa.Column("claimed_until", TIME, comment="the lease of whoever decides its step"),
        sa.Column(
            "version",
            sa.Integer,
            nullable=False,
            server_default=sa.text("0"),
            comment="grows with what a step depends on: one decided before is dropped",
        ),
    ]


def _signals() -> None:
    op.create_table(
        "signals",
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("incident_id", sa.Uuid, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("occasion", sa.Text, comment="the attempt of a run that it tells of"),
        sa.Column("at", TIME, nullable=False),
        sa.Column("facts", JSONB, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("event_id", name="signals_pkey"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="signals_incident_id_fkey"),
    )
    op.create_index("signals_incident_id_idx", "signals", ["incident_id"])
    op.create_index(
        "signals_occasion_idx", "signals", ["occasion"], postgresql_where=sa.text("occasion IS NOT NULL")
    )


def _pages() -> None:
    op.create_table(
        "pages",
        sa.Column("id", sa.Uuid, nullable=False, comment="derived from incident, series, round and level"),
        sa.Column("incident_id", sa.Uuid, nullable=False),
        sa.Column("series", sa.Integer, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False, comment="page, reminder, acknowledged or resolved"),
        sa.Column("owner", sa.Text, nullable=False, comment="the owner or rotation that the chain names"),
        sa.Column("person", sa.Text, nullable=False, comment="who was on call for it"),
        sa.Column("contact", JSONB, nullable=False),
        sa.Column("channels", ARRAY(sa.Text), nullable=False, comment="in the order in which they are tried"),
        sa.Column("channel", sa.Text, comment="the one that took it"),
        sa.Column("target", sa.Text),
        sa.Column("state", sa.Text, nullable=False, comment="pending, sent, dead or suppressed"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("error", sa.Text),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("sent_at", TIME),
        sa.Column("claimed_until", TIME),
        sa.PrimaryKeyConstraint("id", name="pages_pkey"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="pages_incident_id_fkey"),
    )
    op.create_index("pages_incident_id_idx", "pages", ["incident_id"])
    op.create_index(
        "pages_pending_idx", "pages", ["created_at"], postgresql_where=sa.text("state = 'pending'")
    )


def _incident_history() -> None:
    op.create_table(
        "incident_history",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("incident_id", sa.Uuid, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("who", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("text", sa.Text),
        sa.Column("facts", JSONB),
        sa.PrimaryKeyConstraint("id", name="incident_history_pkey"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="incident_history_incident_id_fkey"),
    )
    op.create_index("incident_history_incident_id_at_idx", "incident_history", ["incident_id", "at"])


def _overrides() -> None:
    op.create_table(
        "overrides",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False, comment="the owner or rotation that is stood in for"),
        sa.Column("person", sa.Text, nullable=False, comment="the owner of the catalog who stands in"),
        sa.Column("starts_at", TIME, nullable=False),
        sa.Column("ends_at", TIME, nullable=False),
        sa.Column("made_by", sa.Text, nullable=False),
        sa.Column("made_at", TIME, nullable=False, server_default=NOW),
        sa.Column("cancelled_at", TIME),
        sa.PrimaryKeyConstraint("id", name="overrides_pkey"),
    )
    op.create_index("overrides_system_ends_at_idx", "overrides", ["system", "ends_at"])


def _digests() -> None:
    op.create_table(
        "digests",
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("sent_at", TIME),
        sa.Column("channel", sa.Text),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("dag_id", "run_id", name="digests_pkey"),
    )


def _watch() -> None:
    op.create_table(
        "watch",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("good_at", TIME, nullable=False),
        sa.Column("facts", JSONB, nullable=False, server_default=sa.text("'{}'::jsonb")),
        sa.PrimaryKeyConstraint("name", name="watch_pkey"),
    )


def downgrade() -> None:
    # Evidence is not thrown away by a downgrade; restore the database's backup instead.
    raise NotImplementedError("the ledger keeps evidence: restore a backup of its database instead")
