-- The statements of this database that took most time in all since the statistics were reset.
SELECT
    s.queryid AS id,
    s.calls,
    s.total_exec_time / 1000 AS total_seconds,
    s.mean_exec_time / 1000 AS mean_seconds,
    s.rows AS row_count,
    s.query
FROM pg_stat_statements AS s
JOIN pg_database AS d ON d.oid = s.dbid
WHERE d.datname = current_database()
ORDER BY s.total_exec_time DESC
LIMIT %(count)s
