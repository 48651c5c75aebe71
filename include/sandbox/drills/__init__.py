"""An Airflow of its own over a small catalog, to measure and to break."""
