-- Who waits for a lock, and who holds it.
SELECT
    pid,
    pg_blocking_pids(pid) AS blocked_by,
    usename AS user_name,
    datname AS database_name,
    EXTRACT(EPOCH FROM clock_timestamp() - COALESCE(state_change, query_start)) AS waited_seconds,
    query
FROM pg_stat_activity
WHERE cardinality(pg_blocking_pids(pid)) > 0
ORDER BY waited_seconds DESC, pid
