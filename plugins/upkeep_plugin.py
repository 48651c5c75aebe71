"""What Airflow discovers of Upkeep: the deadline reference, the board's pages, nothing else."""

from typing import ClassVar

from airflow.plugins_manager import AirflowPlugin

from upkeep.board.app import app
from upkeep.deadlines.run_due import RunDue


class UpkeepPlugin(AirflowPlugin):
    """Registers the deadline reference and mounts the board under `/upkeep`."""

    name = "upkeep"
    deadline_references: ClassVar = [RunDue]
    fastapi_apps: ClassVar = [{"app": app, "url_prefix": "/upkeep", "name": "Upkeep"}]
    external_views: ClassVar = [
        {
            "name": "Upkeep",
            "href": "/upkeep/",
            "destination": "nav",
            "category": "browse",
            "url_route": "upkeep",
        }
    ]
