-- MariaDB ends a statement of this session after so many seconds.
SET SESSION max_statement_time = %(seconds)s
