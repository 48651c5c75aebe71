"""The demo: the sandbox, a real Airflow on top of it, and the daily routines once."""
