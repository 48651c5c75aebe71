-- Connections and what they do, but for this one. Without the right PROCESS only those of the own user.
SELECT
    id,
    user,
    host,
    db AS database_name,
    command,
    time AS seconds,
    state,
    info AS query
FROM information_schema.processlist
WHERE id <> CONNECTION_ID()
ORDER BY time DESC, id
