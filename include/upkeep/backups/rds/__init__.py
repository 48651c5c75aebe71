"""RDS: snapshots, restores to a new instance, points in time, and the promotion of a replica.

Every act comes in two halves, one that begins and one that tells whether it is done, so that no worker has to
wait. Plans and steps are dicts of plain values.
"""

from upkeep.backups.rds.names import instance_id, snapshot_id
from upkeep.backups.rds.point_in_time import look_at_moment, window
from upkeep.backups.rds.replica import Promotion, look_at_promotion, promote, promotion_ready
from upkeep.backups.rds.restore import begin_restore, is_gone, look_at_snapshot, restore_ready, tear_down
from upkeep.backups.rds.rows import Promise
from upkeep.backups.rds.snapshots import RdsSnapshots
from upkeep.backups.rds.target import Target

__all__ = [
    "Promise",
    "Promotion",
    "RdsSnapshots",
    "Target",
    "begin_restore",
    "instance_id",
    "is_gone",
    "look_at_moment",
    "look_at_promotion",
    "look_at_snapshot",
    "promote",
    "promotion_ready",
    "restore_ready",
    "snapshot_id",
    "tear_down",
    "window",
]
