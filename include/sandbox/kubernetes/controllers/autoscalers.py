"""HorizontalPodAutoscalers: replicas that follow use, within bounds."""

from __future__ import annotations

import math

from sandbox.kubernetes.clock import seconds_since
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.controllers.podset import active
from sandbox.kubernetes.objects import Key, Object, dig, is_ready, labels_of, with_condition
from sandbox.kubernetes.quantities import parse_quantity
from sandbox.kubernetes.selectors import matches

SYNC_SECONDS = 15.0
"""The real controller's default."""

_TOLERANCE = 0.1
_DOWN_SECONDS = 300


class Autoscalers(Controller):
    """Scales what the autoscalers point at."""

    resource = "horizontalpodautoscalers.autoscaling"

    def reconcile(self, key: Key) -> float | None:
        """Measure, decide, scale and report."""
        scaler = self.get(key)
        if scaler is None:
            return None
        reference = scaler["spec"]["scaleTargetRef"]
        resource = self.cluster.registry.of_kind(reference["apiVersion"], reference["kind"])
        target = self.cluster.store.get(resource, key[0], reference["name"]) if resource else None
        if resource is None or target is None:
            message = f"the HPA controller was unable to get the target's current scale: {reference['name']}"
            self._report(scaler, {}, "FailedGetScale", message)
            return SYNC_SECONDS
        current = target["spec"]["replicas"]
        pods = [
            p
            for p in active(self.cluster.all("pods", key[0]))
            if matches(target["spec"]["selector"], labels_of(p)) and is_ready(p)
        ]
        ratios, metrics = self._measure(scaler, pods)
        desired = self._decide(scaler, current, max(ratios, default=1.0)) if current else 0
        changes: Object = {"currentReplicas": current, "desiredReplicas": desired, "currentMetrics": metrics}
        if desired != current:
            changed = {**target, "spec": {**target["spec"], "replicas": desired}}
            self.cluster.store.update(resource, changed)
            changes["lastScaleTime"] = self.cluster.clock.stamp()
            message = f"New size: {desired}; reason: the measured use or the bounds ask for it"
            self.cluster.events.normal(scaler, "horizontal-pod-autoscaler", "SuccessfulRescale", message)
        self._report(scaler, changes)
        return SYNC_SECONDS

    def _measure(self, scaler: Object, pods: list[Object]) -> tuple[list[float], list[Object]]:
        """Return use over target for each resource metric, and the metrics as the status shows them."""
        ratios, shown = [], []
        for metric in scaler["spec"].get("metrics") or ():
            name = dig(metric, "resource", "name")
            wanted = dig(metric, "resource", "target", "averageUtilization")
            share = self._utilization(pods, name) if name in ("cpu", "memory") else None
            if wanted and share is not None:
                ratios.append(share * 100 / wanted)
                current = {"averageUtilization": round(share * 100)}
                shown.append({"type": "Resource", "resource": {"name": name, "current": current}})
        return ratios, shown

    def _utilization(self, pods: list[Object], name: str) -> float | None:
        """Return the pods' use of a resource over their requests, or None without requests."""
        used = requested = 0.0
        for pod in pods:
            for container in pod["spec"]["containers"]:
                requested += parse_quantity(dig(container, "resources", "requests", name) or 0)
                used += getattr(self.cluster.usage.container(pod, container), name)
        return used / requested if requested else None

    def _decide(self, scaler: Object, current: int, ratio: float) -> int:
        spec, desired = scaler["spec"], current
        if abs(ratio - 1) > _TOLERANCE:
            desired = math.ceil(current * ratio)
        if desired < current:
            window = dig(spec, "behavior", "scaleDown", "stabilizationWindowSeconds")
            last = dig(scaler, "status", "lastScaleTime") or scaler["metadata"]["creationTimestamp"]
            if seconds_since(last, self.cluster.clock.now()) < (_DOWN_SECONDS if window is None else window):
                desired = current
        return int(min(max(desired, spec.get("minReplicas", 1)), spec["maxReplicas"]))

    def _report(
        self, scaler: Object, changes: Object, reason: str = "SucceededGetScale", message: str = ""
    ) -> None:
        able = reason == "SucceededGetScale"
        entry = {"type": "AbleToScale", "status": str(able), "reason": reason, "message": message}
        conditions = with_condition(dig(scaler, "status", "conditions"), entry, self.cluster.clock.stamp())
        self.cluster.set_status(self.resource, scaler, **changes, conditions=conditions)
