"""The Airflow edge: operators that translate between Airflow and the plain functions."""
