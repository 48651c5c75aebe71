"""Incidents: what people must handle, the chain that is paged, and how they answer."""
