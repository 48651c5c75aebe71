from tests.servers.ledger import ledger, postgres_server

__all__ = ["ledger", "postgres_server"]
