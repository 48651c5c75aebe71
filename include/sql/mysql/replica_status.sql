-- One row for each source that this server follows; none if it is no replica. Needs REPLICA MONITOR
-- (MariaDB) or REPLICATION CLIENT (MySQL).
SHOW REPLICA STATUS
