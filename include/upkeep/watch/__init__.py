"""What the watchdog derives again every minute: what should be an incident, whatever was lost on the way."""
