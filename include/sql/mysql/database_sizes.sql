-- Size of each database but the server's own, as its statistics estimate it.
SELECT
    s.schema_name AS name,
    COALESCE(SUM(t.data_length), 0) AS data_bytes,
    COALESCE(SUM(t.index_length), 0) AS index_bytes
FROM information_schema.schemata AS s
LEFT JOIN information_schema.tables AS t ON t.table_schema = s.schema_name
WHERE s.schema_name NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
GROUP BY s.schema_name
ORDER BY COALESCE(SUM(t.data_length + t.index_length), 0) DESC, name
