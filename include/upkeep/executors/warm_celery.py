"""Imported by each Celery worker at its start, so that its tasks, which are forks of it, are warm."""

from upkeep.executors.preload import preload

preload()
