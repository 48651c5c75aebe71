-- Users and messages of quikapp.
CREATE TABLE users (
    id         bigint PRIMARY KEY AUTO_INCREMENT,
    email      varchar(120) NOT NULL UNIQUE,
    created_at datetime NOT NULL
);
INSERT INTO users (email, created_at)
SELECT CONCAT('user', seq, '@customers.example'), UTC_TIMESTAMP() - INTERVAL seq HOUR FROM seq_1_to_500;
CREATE TABLE messages (
    id         bigint PRIMARY KEY AUTO_INCREMENT,
    sender_id  bigint NOT NULL,
    channel    varchar(40) NOT NULL,
    body       varchar(200) NOT NULL,
    sent_at    datetime NOT NULL,
    KEY idx_messages_sent_at (sent_at)
);
INSERT INTO messages (sender_id, channel, body, sent_at)
SELECT 1 + seq % 500, CONCAT('channel-', seq % 30), CONCAT('message ', seq), UTC_TIMESTAMP() - INTERVAL seq MINUTE
FROM seq_1_to_4000;
-- One entry for the slow query log.
SELECT COUNT(*), SLEEP(0.25) FROM users;
