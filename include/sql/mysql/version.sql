-- MySQL or MariaDB, and which.
SELECT VERSION() AS version
