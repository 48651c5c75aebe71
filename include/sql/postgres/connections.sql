-- Client connections by state, but for this one, and how many there can be.
SELECT
    COALESCE(state, 'unknown') AS state,
    COUNT(*) AS connections,
    current_setting('max_connections')::int AS maximum,
    current_setting('superuser_reserved_connections')::int AS reserved
FROM pg_stat_activity
WHERE backend_type = 'client backend'
GROUP BY state
