-- The server ends a statement of this session after so many milliseconds, and the session changes nothing.
SELECT
    set_config('statement_timeout', %(milliseconds)s, false) AS statement_timeout,
    set_config('transaction_read_only', 'on', true) AS transaction_read_only
