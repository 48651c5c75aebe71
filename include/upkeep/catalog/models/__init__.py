"""The catalog's models: the words an operator writes in `include/systems/*.yaml`."""

from upkeep.catalog.models.metrics import Limit, Metric
from upkeep.catalog.models.routines import ProcedureUse, Routine
from upkeep.catalog.models.system import System

__all__ = ["Limit", "Metric", "ProcedureUse", "Routine", "System"]
