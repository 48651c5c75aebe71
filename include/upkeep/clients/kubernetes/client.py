"""A Kubernetes cluster as the checks see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from upkeep.clients.answers import texts
from upkeep.clients.kubernetes import objects, reading
from upkeep.clients.kubernetes.api import PAGE, Api, join, list_path

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

METRICS = "apis/metrics.k8s.io/v1beta1"


class Kubernetes:
    """One cluster, reached with a ready-made `kubernetes.client.ApiClient`; safe to use from several threads.

    timeout_seconds: for each request. Every call raises TemporaryError (unreachable, timed out, 429,
    5xx, list expired), ConfigurationError (401, 403, untrusted), NotFoundError (404) or BadAnswer.
    Lists are read page by page while they are iterated, so memory stays flat: do not collect them.
    """

    def __init__(self, api_client: ApiClient, timeout_seconds: float = 10) -> None:
        self.api = Api(api_client, timeout_seconds)

    def __repr__(self) -> str:
        return f"Kubernetes({self.api.host!r})"

    def iterate(
        self,
        kind: str,
        namespace: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        page: int = PAGE,
    ) -> Iterator[dict[str, Any]]:
        """Yield every object of `kind` (plural: `pods`), of all namespaces without `namespace`."""
        selectors = {"labelSelector": label_selector, "fieldSelector": field_selector}
        return self._items(list_path(kind, namespace), selectors, page)

    def custom_objects(
        self, group: str, version: str, plural: str, namespace: str | None = None, page: int = PAGE
    ) -> Iterator[dict[str, Any]]:
        """Yield every custom object of a kind; NotFoundError if the cluster does not know the kind."""
        return self._items(join(f"apis/{group}/{version}", namespace, plural), {}, page)

    def pods(self, namespace: str | None = None, label_selector: str | None = None) -> Iterator[objects.Pod]:
        """Yield the pods."""
        return map(reading.pod, self.iterate("pods", namespace, label_selector))

    def deployments(
        self, namespace: str | None = None, label_selector: str | None = None
    ) -> Iterator[objects.Deployment]:
        """Yield the deployments."""
        return map(reading.deployment, self.iterate("deployments", namespace, label_selector))

    def jobs(self, namespace: str | None = None, label_selector: str | None = None) -> Iterator[objects.Job]:
        """Yield the jobs."""
        return map(reading.job, self.iterate("jobs", namespace, label_selector))

    def cron_jobs(self, namespace: str | None = None) -> Iterator[objects.CronJob]:
        """Yield the cron jobs."""
        return map(reading.cron_job, self.iterate("cronjobs", namespace))

    def claims(self, namespace: str | None = None) -> Iterator[objects.Claim]:
        """Yield the persistent volume claims."""
        return map(reading.claim, self.iterate("persistentvolumeclaims", namespace))

    def nodes(self) -> Iterator[objects.Node]:
        """Yield the nodes."""
        return map(reading.node, self.iterate("nodes"))

    def events(
        self, namespace: str | None = None, field_selector: str | None = None
    ) -> Iterator[objects.Event]:
        """Yield the events that the cluster still keeps (an hour, by default)."""
        return map(reading.event, self.iterate("events", namespace, None, field_selector))

    def config_map(self, namespace: str, name: str) -> Mapping[str, str]:
        """Return the data of a config map; NotFoundError if there is none of that name."""
        found = self.api.get(join("api/v1", namespace, "configmaps", name))
        return texts(found.get("data"), f"config map {namespace}/{name}")

    def pod_usage(
        self, namespace: str | None = None, label_selector: str | None = None
    ) -> Iterator[objects.Usage]:
        """Yield what each pod uses; NotFoundError if the cluster has no metrics server."""
        path = join(METRICS, namespace, "pods")
        return map(reading.usage, self._items(path, {"labelSelector": label_selector}, PAGE))

    def node_usage(self) -> Iterator[objects.Usage]:
        """Yield what each node uses; NotFoundError if the cluster has no metrics server."""
        return map(reading.usage, self._items(join(METRICS, None, "nodes"), {}, PAGE))

    def _items(self, path: str, params: Mapping[str, str | None], page: int) -> Iterator[dict[str, Any]]:
        for items in self.api.pages(path, params, page):
            # Each object is let go as soon as it has been looked at.
            items.reverse()
            while items:
                yield items.pop()
