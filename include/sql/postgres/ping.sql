-- How long does the simplest query take?
SELECT 1 AS one
