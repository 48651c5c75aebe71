"""What real exporters expose: web servers, nodes, pods, databases, caches. Names and labels are theirs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sandbox.prometheus.series import Series
from sandbox.prometheus.shapes import Shape

GIB = 2.0**30
MIB = 2.0**20


@dataclass(frozen=True)
class Latency:
    """A histogram: the share of events that took at most each bound (seconds), usually and under load."""

    usual: Mapping[str, float]
    loaded: Mapping[str, float]
    average: float
    loaded_share: float = 0.06
    """The share of events that the load slows down; it swings more than the traffic itself."""


@dataclass(frozen=True)
class Estate:
    """One system's series in the making: its job, its namespace, its traffic."""

    job: str
    traffic: Shape
    namespace: str = ""

    @property
    def busy(self) -> Shape:
        """The traffic with stronger swings: what queues behind it."""
        return replace(self.traffic, daily=min(0.6, self.traffic.daily * 1.4), phase=self.traffic.phase + 1)

    @property
    def errors(self) -> Shape:
        """Errors follow the traffic, roughly."""
        return replace(self.traffic, noise=4.0, phase=self.traffic.phase + 2)

    @property
    def steady(self) -> Shape:
        """What hardly moves with the traffic."""
        return replace(self.traffic, monthly_growth=0.0, daily=0.1, weekly=0.02, phase=self.traffic.phase + 3)

    def flat(self) -> Shape:
        """What does not move."""
        return Shape(self.traffic.anchor, daily=0.0, weekly=0.0, noise=0.0)

    def counter(self, name: str, per_second: float, job: str | None = None, **labels: str) -> Series:
        """A counter that follows the traffic."""
        return Series(name, {"job": job or self.job, **labels}, self.traffic, per_second)

    def gauge(self, name: str, value: float, job: str | None = None, **labels: str) -> Series:
        """A gauge that moves a little."""
        own = {"job": job or self.job, **labels}
        return Series(name, own, self.steady, value, counter=False, whole=False, frequent=False)

    def constant(self, name: str, value: float, job: str | None = None, **labels: str) -> Series:
        """A gauge that stays."""
        return replace(self.gauge(name, value, job, **labels), shape=self.flat())

    def histogram(
        self,
        name: str,
        per_second: float,
        latency: Latency,
        job: str | None = None,
        *,
        from_app: bool = False,
    ) -> list[Series]:
        """A histogram: buckets, sum and count."""
        base = replace(self.counter(f"{name}_bucket", per_second, job), load=self.busy, from_app=from_app)
        slow = per_second * latency.loaded_share
        fast = per_second - slow
        bounds = [*latency.usual, "+Inf"]
        buckets = [
            replace(
                base,
                labels={**base.labels, "le": le},
                scale=fast * latency.usual.get(le, 1.0),
                load_scale=slow * latency.loaded.get(le, 1.0),
            )
            for le in bounds
        ]
        count = replace(base, name=f"{name}_count", scale=fast, load_scale=slow)
        total = replace(
            base,
            name=f"{name}_sum",
            scale=fast * latency.average,
            load_scale=slow * latency.average * 4,
            whole=False,
        )
        return [*buckets, total, count]

    def web(
        self,
        per_second: float,
        latency: Latency,
        *,
        failing: float = 0.0004,
        client: float = 0.012,
        service: str | None = None,
    ) -> list[Series]:
        """A web application: requests by status and their duration; shares of 5xx and 4xx as given."""
        extra = {"service": service} if service else {}
        share = {"200": 1 - failing - client, "404": client, "500": failing}
        shapes = {"200": self.traffic, "404": self.errors, "500": self.errors}
        requests = [
            replace(
                self.counter("http_requests_total", per_second * part, status=status, **extra),
                shape=shapes[status],
                from_app=True,
            )
            for status, part in share.items()
        ]
        if service:
            return requests
        return requests + self.histogram("http_request_duration_seconds", per_second, latency, from_app=True)

    def node(self, instance: str, *, cpu: float, memory: float, disk: float, job: str) -> list[Series]:
        """A node: shares of CPU, memory and disk in use."""
        own = {"instance": instance}
        cores, ram, size = 4.0, 16 * GIB, 200 * GIB
        user = replace(
            self.counter("node_cpu_seconds_total", cores * cpu, job, mode="user", **own), whole=False
        )
        idle = replace(
            self.counter("node_cpu_seconds_total", cores * (1 - cpu), job, mode="idle", **own),
            whole=False,
            shape=replace(self.steady, daily=-self.traffic.daily * cpu / (1 - cpu), weekly=0.0),
        )
        at = {"device": "/dev/vda1", "fstype": "ext4", "mountpoint": "/", **own}
        return [
            user,
            idle,
            self.constant("node_memory_MemTotal_bytes", ram, job, **own),
            replace(
                self.gauge("node_memory_MemAvailable_bytes", ram * (1 - memory), job, **own), amplitude=0.05
            ),
            self.constant("node_filesystem_size_bytes", size, job, **at),
            replace(
                self.gauge("node_filesystem_avail_bytes", size * (1 - disk), job, **at),
                amplitude=0.002,
                trend_per_day=-0.001,
            ),
        ]

    def pod(
        self, pod: str, container: str, *, cpu: float, memory: float, limits: tuple[float, float]
    ) -> list[Series]:
        """A pod of one ready container: CPU and memory as shares of its limits (cores, bytes)."""
        cores, ram = limits
        cadvisor = {"namespace": self.namespace, "pod": pod, "container": container}
        ksm = "kube-state-metrics"
        return [
            replace(
                self.counter("container_cpu_usage_seconds_total", cpu * cores, "kubelet", **cadvisor),
                whole=False,
            ),
            replace(
                self.gauge("container_memory_working_set_bytes", memory * ram, "kubelet", **cadvisor),
                amplitude=0.2,
            ),
            self.constant(
                "kube_pod_container_resource_limits", cores, ksm, resource="cpu", unit="core", **cadvisor
            ),
            self.constant(
                "kube_pod_container_resource_limits", ram, ksm, resource="memory", unit="byte", **cadvisor
            ),
            self.constant("kube_pod_info", 1, ksm, namespace=self.namespace, pod=pod),
            self.constant("kube_pod_container_status_ready", 1, ksm, **cadvisor),
        ]

    def network(self, pod: str, received: float, sent: float) -> list[Series]:
        """Network of a pod, bytes a second."""
        own = {"namespace": self.namespace, "pod": pod, "interface": "eth0"}
        return [
            self.counter("container_network_receive_bytes_total", received, "kubelet", **own),
            self.counter("container_network_transmit_bytes_total", sent, "kubelet", **own),
        ]

    def redis(self, job: str, *, lookups: float, hits: float, memory: float) -> list[Series]:
        """A Redis: look-ups a second, share of hits, share of its 2 GiB in use."""
        return [
            self.counter("redis_keyspace_hits_total", lookups * hits, job),
            replace(
                self.counter("redis_keyspace_misses_total", lookups * (1 - hits), job), shape=self.errors
            ),
            self.gauge("redis_memory_used_bytes", memory * 2 * GIB, job),
            self.constant("redis_memory_max_bytes", 2 * GIB, job),
        ]

    def mysql(self, job: str, *, connections: float, most: float, slow: float) -> list[Series]:
        """A MySQL server: connections, the most allowed, slow queries a second."""
        return [
            self.constant("mysql_up", 1, job),
            replace(
                self.gauge("mysql_global_status_threads_connected", connections, job),
                shape=self.busy,
                amplitude=0.5,
                whole=True,
            ),
            self.constant("mysql_global_variables_max_connections", most, job),
            replace(self.counter("mysql_global_status_slow_queries", slow, job), shape=self.errors),
        ]


def rarely(series: Sequence[Series]) -> list[Series]:
    """Mark series that nothing asks by `rate(…[5m])`: fewer samples are enough."""
    return [replace(one, frequent=False) for one in series]
