"""What a job in Kubernetes is to be like."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from upkeep.catalog.models.base import Entry

ObjectName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$")]
"""The name of an object in Kubernetes."""

Image = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$")]
Cpu = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*m?$")]
"""Cores, such as `2`, or thousandths, such as `250m`."""

Memory = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*[MG]i$")]
"""Such as `512Mi` or `2Gi`."""


class DumpJob(Entry):
    """A job in the workload's namespace, next to the database that it dumps."""

    image: Image
    """Upkeep's image, as the cluster pulls it: it has the program and what makes dumps."""
    secrets: list[ObjectName] = Field(min_length=1)
    """Secrets of the namespace whose entries the pod gets as environment variables, among them one for each
    connection that it uses, such as `AIRFLOW_CONN_SHOP_POSTGRES`."""
    service_account: ObjectName | None = None
    """By default the namespace's own, `default`."""
    cpu: Cpu = "250m"
    """What it asks for; it may use more."""
    memory: Memory = "1Gi"
    """What it asks for, and the most that it may use."""
    user: int = Field(default=50000, gt=0)
    """The image's user, by number: Kubernetes must see that it is not root."""
    longest_minutes: int = Field(default=180, gt=0, le=230)
    """The job is ended after that time, with all its tries."""
