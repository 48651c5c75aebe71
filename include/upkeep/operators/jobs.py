"""The operator of a stage whose work a job in Kubernetes does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.job import KubernetesJobOperator
from kubernetes.client import ApiException
from kubernetes.client import models as k8s
from urllib3.exceptions import HTTPError

from upkeep.backups.kubernetes.cleaning import OF_ONE_BACKUP
from upkeep.backups.provider import Provider
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError, excerpt
from upkeep.operators.stages import OfStage, StageFacts

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.backups.dumps.jobs import JobOrder
    from upkeep.catalog.models import System

TRIES_AGAIN = 1
"""A pod that fails is tried once more; after that the stage that waits says why."""
KEPT_SECONDS = 24 * 3600
"""A job that has ended stays for a day, with its log."""


class JobStage(OfStage, KubernetesJobOperator):
    """Begin a stage's job, or find it begun; another stage waits for it, holding no worker.

    The job's name follows from the run, so that no attempt makes a second one. When this very task is ended
    by a person just then, the job goes with it.
    """

    ui_color = "#fef3c7"
    template_fields = ()  # it is the catalog that says what the job is: nothing of it is a template

    def __init__(self, *, facts: StageFacts, **kwargs: Any) -> None:
        super().__init__(
            cmds=["upkeep"],
            random_name_suffix=False,
            backoff_limit=TRIES_AGAIN,
            ttl_seconds_after_finished=KEPT_SECONDS,
            labels=dict(OF_ONE_BACKUP),
            automount_service_account_token=False,
            container_security_context=k8s.V1SecurityContext(
                allow_privilege_escalation=False, capabilities=k8s.V1Capabilities(drop=["ALL"])
            ),
            wait_until_job_complete=False,
            deferrable=False,
            get_logs=False,
            **kwargs,
        )
        self._take(facts)

    def execute(self, context: Context) -> None:
        """Do the stage's work, which calls for the job."""
        self._run(context)

    def create_job(self, job_request_obj: k8s.V1Job) -> k8s.V1Job:
        """Make the job; one that an attempt has made in the meantime is taken as it is."""
        try:
            return super().create_job(job_request_obj)
        except ApiException as e:
            if e.status != 409:
                raise
            return job_request_obj

    def _provider(self, context: Context, system: System) -> Provider:
        return Provider(start_job=partial(self._start, context, system))

    def _start(self, context: Context, system: System, order: JobOrder) -> None:
        """Make a job. Raises TemporaryError, ConfigurationError, PermanentError where it is refused."""
        self.kubernetes_conn_id = system.connections["kubernetes"]
        self.name, self.namespace, self.annotations = order.name, order.namespace, dict(order.annotations)
        self.image, self.arguments = order.image, list(order.arguments)
        self.service_account_name = order.service_account
        self.active_deadline_seconds = order.longest_seconds
        self.env_from = [
            k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=name)) for name in order.secrets
        ]
        self.container_resources = k8s.V1ResourceRequirements(
            requests={"cpu": order.cpu, "memory": order.memory}, limits={"memory": order.memory}
        )
        self.security_context = k8s.V1PodSecurityContext(
            run_as_non_root=True,
            run_as_user=order.user,
            seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
        )
        with _errors_of(f"the job {order.namespace}/{order.object_name}"):
            KubernetesJobOperator.execute(self, context)


@contextmanager
def _errors_of(what: str) -> Iterator[None]:
    """Translate what the provider's operator raises when a job is made."""
    try:
        yield
    except ApiException as e:
        raise _error_of(what, e) from e
    except HTTPError as e:
        raise TemporaryError(f"{what}: the API server does not answer: {excerpt(str(e))}") from e


def _error_of(what: str, e: ApiException) -> Exception:
    try:
        message = str(json.loads(e.body)["message"])
    except (TypeError, ValueError, KeyError):
        message = str(e.reason)
    said = f"{what} cannot be made: HTTP {e.status}: {excerpt(message)}"
    if e.status in (401, 403):
        return ConfigurationError(f"{said}; give the connection's account the right, or make room")
    return TemporaryError(said) if e.status == 429 or e.status >= 500 else PermanentError(said)
