-- Lessons, progress, payments and sessions, as the Lessay guide measures them.
CREATE TABLE lessons (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    title       text NOT NULL,
    language    text NOT NULL,
    created_at  timestamptz NOT NULL
);
INSERT INTO lessons (title, language, created_at)
SELECT 'Lesson ' || n, (ARRAY['de', 'es', 'fr', 'it'])[1 + n % 4], now() - n * interval '2 days'
FROM generate_series(1, 200) AS n;

CREATE TABLE lesson_progress (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    learner_id   bigint NOT NULL,
    lesson_id    bigint NOT NULL REFERENCES lessons,
    started_at   timestamptz NOT NULL,
    completed_at timestamptz
);
INSERT INTO lesson_progress (learner_id, lesson_id, started_at, completed_at)
SELECT 1 + n % 700, 1 + n % 200, now() - n * interval '12 minutes',
       CASE WHEN n % 4 <> 0 THEN now() - n * interval '12 minutes' + interval '9 minutes' END
FROM generate_series(1, 3000) AS n;

CREATE TABLE payments (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    learner_id   bigint NOT NULL,
    amount_cents integer NOT NULL,
    currency     text NOT NULL DEFAULT 'EUR',
    status       text NOT NULL,
    failure      text,
    created_at   timestamptz NOT NULL
);
INSERT INTO payments (learner_id, amount_cents, status, failure, created_at)
SELECT 1 + n % 700, 900 + (n % 5) * 500,
       CASE WHEN n % 125 = 0 THEN 'failed' ELSE 'succeeded' END,
       CASE WHEN n % 125 = 0 THEN 'card_declined' END, now() - n * interval '15 minutes'
FROM generate_series(1, 3000) AS n;
CREATE INDEX idx_payments_created_at ON payments (created_at);

CREATE TABLE sessions (
    id          uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    learner_id  bigint NOT NULL,
    expires     timestamptz NOT NULL
);
INSERT INTO sessions (learner_id, expires)
SELECT 1 + n % 700, now() + (n - 200) * interval '10 minutes' FROM generate_series(1, 500) AS n;

ANALYZE;
