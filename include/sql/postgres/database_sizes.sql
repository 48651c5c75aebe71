-- Size of each database on disk that may be connected to.
SELECT datname AS name, pg_database_size(oid) AS bytes
FROM pg_database
WHERE datallowconn AND has_database_privilege(oid, 'CONNECT')
ORDER BY bytes DESC, name
