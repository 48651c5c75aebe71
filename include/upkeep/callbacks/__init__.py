"""Callbacks that Airflow makes from the triggerer or the scheduler."""
