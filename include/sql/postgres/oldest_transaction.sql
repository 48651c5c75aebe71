-- The transaction that has been open longest, but for this one: it holds back vacuum.
SELECT
    pid,
    usename AS user_name,
    datname AS database_name,
    state,
    EXTRACT(EPOCH FROM clock_timestamp() - xact_start) AS age_seconds,
    query
FROM pg_stat_activity
WHERE xact_start IS NOT NULL AND backend_type = 'client backend' AND pid <> pg_backend_pid()
ORDER BY xact_start
LIMIT 1
