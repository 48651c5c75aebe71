-- MySQL ends a SELECT of this session after so many milliseconds.
SET SESSION max_execution_time = %(milliseconds)s
