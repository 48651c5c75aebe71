-- The events that Tapio correlates.
CREATE TABLE events (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    timestamp  timestamptz NOT NULL,
    source     text NOT NULL,
    kind       text NOT NULL,
    severity   text NOT NULL,
    payload    jsonb NOT NULL
);
INSERT INTO events (timestamp, source, kind, severity, payload)
SELECT now() - n * interval '90 seconds', 'agent-' || n % 6,
       (ARRAY['network', 'memory', 'scheduler', 'storage'])[1 + n % 4],
       CASE WHEN n % 60 = 0 THEN 'error' WHEN n % 12 = 0 THEN 'warning' ELSE 'info' END,
       jsonb_build_object('node', 'node-' || n % 6, 'value', n % 97)
FROM generate_series(1, 5000) AS n;
CREATE INDEX idx_events_timestamp ON events (timestamp);

ANALYZE;
