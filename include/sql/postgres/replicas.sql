-- The standbys that this server feeds, and how far behind each is.
SELECT
    application_name AS name,
    COALESCE(state, 'unknown') AS state,
    sync_state,
    pg_wal_lsn_diff(
        CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END,
        replay_lsn
    ) AS lag_bytes,
    EXTRACT(EPOCH FROM replay_lag) AS lag_seconds
FROM pg_stat_replication
ORDER BY name
