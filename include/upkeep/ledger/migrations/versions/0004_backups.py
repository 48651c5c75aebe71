"""Backups and their proofs, approvals, recoveries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
NOW = sa.text("now()")


def upgrade() -> None:
    _backups()
    _proofs()
    _approvals()
    _recoveries()


def _backups() -> None:
    op.create_table(
        "backups",
        sa.Column("id", sa.Uuid, nullable=False, comment="derived from system, policy and name"),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("policy", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False, comment="where it is"),
        sa.Column("started_at", TIME, nullable=False, comment="its data is as of then or later"),
        sa.Column("ended_at", TIME, nullable=False),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("sha256", sa.Text, comment="of what is stored"),
        sa.Column("encryption", sa.Text),
        sa.Column("facts", JSONB, nullable=False, comment="what was known of the source at backup time"),
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False, server_default=NOW),
        sa.Column("deleted_at", TIME),
        sa.Column("deleted_why", sa.Text),
        sa.PrimaryKeyConstraint("id", name="backups_pkey"),
        sa.UniqueConstraint("system", "policy", "name", name="backups_system_policy_name_key"),
    )
    op.create_index("backups_system_policy_started_at_idx", "backups", ["system", "policy", "started_at"])


def _proofs() -> None:
    op.create_table(
        "backup_proofs",
        sa.Column("id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("backup_id", sa.Uuid, nullable=False),
        sa.Column("level", sa.Integer, nullable=False, comment="1 exists to 5 invariants hold"),
        sa.Column("at", TIME, nullable=False),
        sa.Column("holds", sa.Boolean, nullable=False),
        sa.Column("problems", ARRAY(sa.Text), nullable=False),
        sa.Column("evidence", JSONB, nullable=False),
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("recorded_at", TIME, nullable=False, server_default=NOW),
        sa.PrimaryKeyConstraint("id", name="backup_proofs_pkey"),
        sa.ForeignKeyConstraint(["backup_id"], ["backups.id"], name="backup_proofs_backup_id_fkey"),
        sa.UniqueConstraint(
            "backup_id", "level", "dag_id", "run_id", name="backup_proofs_backup_id_level_dag_id_run_id_key"
        ),
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("task_id", sa.Text, nullable=False, comment="the procedure that it is for"),
        sa.Column("attempt", sa.Integer, nullable=False, comment="how often the run had been cleared"),
        sa.Column("approved_by", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False, comment="of the plan"),
        sa.Column("plan", JSONB, nullable=False),
        sa.Column("approved_at", TIME, nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint(
            "dag_id", "run_id", "task_id", "attempt", "approved_by", name="approvals_pkey"
        ),
    )


def _recoveries() -> None:
    op.create_table(
        "recoveries",
        sa.Column("dag_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, nullable=False),
        sa.Column("task_id", sa.Text, nullable=False, comment="the procedure"),
        sa.Column("system", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False, comment="what is recovered, the same in every run"),
        sa.Column("drill", sa.Boolean, nullable=False),
        sa.Column("backup_id", sa.Uuid),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("plan", JSONB, nullable=False),
        sa.Column("lost_at", TIME, comment="when the loss began; of a drill, when it was made"),
        sa.Column("data_as_of", TIME, comment="the moment that the restored data speaks of"),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("restored_at", TIME),
        sa.Column("verified_at", TIME),
        sa.Column("cleaned_at", TIME),
        sa.Column("problems", ARRAY(sa.Text), nullable=False),
        sa.PrimaryKeyConstraint("dag_id", "run_id", "task_id", name="recoveries_pkey"),
        sa.ForeignKeyConstraint(["backup_id"], ["backups.id"], name="recoveries_backup_id_fkey"),
    )
    op.create_index("recoveries_system_subject_began_at_idx", "recoveries", ["system", "subject", "began_at"])
