"""The board: Upkeep's pages inside Airflow's own server, under Airflow's own rights."""
