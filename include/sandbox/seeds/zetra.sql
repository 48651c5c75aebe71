-- What the Zetra guide names: users, tasks, documents, audit logs, sessions, e-mail synchronisation.
CREATE TABLE users (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email       text NOT NULL UNIQUE,
    role        text NOT NULL,
    last_login  timestamptz,
    created_at  timestamptz NOT NULL
);
INSERT INTO users (email, role, last_login, created_at)
SELECT 'user' || n || '@customers.example', CASE WHEN n % 40 = 0 THEN 'admin' ELSE 'member' END,
       now() - random() * interval '20 days', now() - random() ^ 2 * interval '700 days'
FROM generate_series(1, 800) AS n;

CREATE TABLE tasks (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title        text NOT NULL,
    assigned_to  bigint REFERENCES users,
    status       text NOT NULL,
    is_deleted   boolean NOT NULL DEFAULT false,
    deleted_at   timestamptz,
    created_at   timestamptz NOT NULL,
    completed_at timestamptz
);
INSERT INTO tasks (title, assigned_to, status, is_deleted, deleted_at, created_at, completed_at)
SELECT 'Task ' || n, CASE WHEN n % 9 = 0 THEN NULL ELSE 1 + n % 800 END,
       CASE WHEN n % 10 < 7 THEN 'completed' WHEN n % 10 = 7 THEN 'in_progress' ELSE 'open' END,
       n % 20 = 0, CASE WHEN n % 20 = 0 THEN now() - (n % 180) * interval '1 day' END,
       now() - (200 + n % 365) * interval '1 day',
       CASE WHEN n % 10 < 7 THEN now() - (n % 200) * interval '1 day' END
FROM generate_series(1, 4000) AS n;
CREATE INDEX idx_tasks_title ON tasks (title);

CREATE TABLE documents (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner_id    bigint NOT NULL REFERENCES users,
    key         text NOT NULL,
    size_bytes  bigint NOT NULL,
    is_deleted  boolean NOT NULL DEFAULT false,
    deleted_at  timestamptz,
    uploaded_at timestamptz NOT NULL
);
INSERT INTO documents (owner_id, key, size_bytes, is_deleted, deleted_at, uploaded_at)
SELECT 1 + n % 800, 'documents/' || md5(n::text) || '.pdf', 20000 + (n * 7919) % 900000,
       n % 25 = 0, CASE WHEN n % 25 = 0 THEN now() - (n % 160) * interval '1 day' END,
       now() - (n % 900) * interval '1 day'
FROM generate_series(1, 2000) AS n;

CREATE TABLE audit_logs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    actor_id    bigint NOT NULL,
    action      text NOT NULL,
    address     inet NOT NULL,
    created_at  timestamptz NOT NULL
);
INSERT INTO audit_logs (actor_id, action, address, created_at)
SELECT 1 + n % 800, (ARRAY['login', 'task.update', 'document.read', 'role.change', 'login.failed'])[1 + n % 5],
       ('10.20.' || n % 200 || '.' || 1 + n % 250)::inet, now() - n * interval '3 hours'
FROM generate_series(1, 6000) AS n;
CREATE INDEX idx_audit_logs_created_at ON audit_logs (created_at);

CREATE TABLE sessions (
    id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id  bigint NOT NULL REFERENCES users,
    expires  timestamptz NOT NULL
);
INSERT INTO sessions (user_id, expires)
SELECT 1 + n % 800, now() + (n - 300) * interval '10 minutes' FROM generate_series(1, 600) AS n;

CREATE TABLE email_syncs (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id     bigint NOT NULL REFERENCES users,
    status      text NOT NULL,
    finished_at timestamptz NOT NULL
);
INSERT INTO email_syncs (user_id, status, finished_at)
SELECT 1 + n % 800, CASE WHEN n % 150 = 0 THEN 'failed' ELSE 'ok' END, now() - n * interval '4 minutes'
FROM generate_series(1, 1500) AS n;

ANALYZE;
