from tests.servers.ledger import empty_database, ledger, postgres_server

__all__ = ["empty_database", "ledger", "postgres_server"]
