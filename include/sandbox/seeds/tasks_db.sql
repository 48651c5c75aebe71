-- The maintenance API's tasks.
CREATE TABLE tasks (
    id          bigint PRIMARY KEY AUTO_INCREMENT,
    title       varchar(120) NOT NULL,
    status      varchar(20) NOT NULL,
    created_at  datetime NOT NULL,
    updated_at  datetime NOT NULL,
    KEY idx_tasks_status (status)
);
INSERT INTO tasks (title, status, created_at, updated_at)
SELECT CONCAT('task ', seq), ELT(1 + seq % 3, 'open', 'running', 'done'),
       UTC_TIMESTAMP() - INTERVAL seq * 20 MINUTE, UTC_TIMESTAMP() - INTERVAL seq * 10 MINUTE
FROM seq_1_to_3000;
-- One entry for the slow query log.
SELECT COUNT(*), SLEEP(0.25) FROM tasks;
