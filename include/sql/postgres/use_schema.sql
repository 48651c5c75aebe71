-- Look up unqualified names in this schema, in this transaction.
SELECT set_config('search_path', quote_ident(%(schema)s) || ', pg_catalog', true) AS search_path
