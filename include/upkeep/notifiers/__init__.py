"""Channels at the Airflow edge: senders that use the official providers' hooks and connections."""
