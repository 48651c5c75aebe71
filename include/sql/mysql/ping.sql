-- Does the server answer at all?
SELECT 1 AS one
