"""The ledger: the Postgres database that keeps the evidence."""
