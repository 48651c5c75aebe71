-- Is pg_stat_statements there, in which schema, and loaded?
SELECT
    (
        SELECT n.nspname
        FROM pg_extension AS e
        JOIN pg_namespace AS n ON n.oid = e.extnamespace
        WHERE e.extname = 'pg_stat_statements'
    ) AS schema_name,
    EXISTS (SELECT FROM pg_settings WHERE name = 'pg_stat_statements.max') AS is_loaded
