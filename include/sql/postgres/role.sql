-- Is this a standby, and how far behind is what it has replayed? Nothing new to replay is no lag.
SELECT
    pg_is_in_recovery() AS is_standby,
    CASE
        WHEN NOT pg_is_in_recovery() THEN NULL
        WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
        ELSE EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp())
    END AS lag_seconds,
    EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming') AS is_streaming
