"""Clients of the systems under maintenance.

Plain Python: whoever calls makes the connection and passes plain values or a ready-made client.
Every client waits only so long, tells temporary errors from permanent ones (`upkeep.errors`),
checks what it was answered and returns small frozen dataclasses. Heavy libraries are imported
inside the function that needs them.
"""
