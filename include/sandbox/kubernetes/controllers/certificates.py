"""cert-manager's certificates: issued into their secrets, and issued again when they are due."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime, timedelta

from sandbox.kubernetes.clock import parse, stamp
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.base import Controller
from sandbox.kubernetes.objects import (
    Key,
    Object,
    annotations_of,
    dig,
    is_true,
    key_of,
    with_condition,
)
from sandbox.kubernetes.store import Change

RESOURCE = "certificates.cert-manager.io"
NO_RENEWAL = "sandbox.upkeep/no-renewal"
"""Annotation: it is not renewed when due, as if its issuer were broken; only when asked for."""

_DEFAULT_DURATION = timedelta(days=90)


class Certificates(Controller):
    """Issues certificates and renews them."""

    resource = RESOURCE

    def interested(self, change: Change) -> Iterable[Key]:
        """Look at changed certificates, and at those whose secret has gone."""
        if change.resource.qualified == self.resource:
            return [key_of(change.object)]
        if change.resource.qualified != "secrets" or change.type != "DELETED":
            return []
        namespace, name = key_of(change.object)
        found = self.cluster.all(self.resource, namespace)
        return [key_of(c) for c in found if c["spec"].get("secretName") == name]

    def reconcile(self, key: Key) -> float | None:
        """Issue the certificate if it is new, changed, due, asked for, or has lost its secret."""
        certificate = self.get(key)
        if certificate is None:
            return None
        now = self.cluster.clock.now()
        status = certificate.get("status") or {}
        changed = status.get("observedGeneration") != certificate["metadata"]["generation"]
        secret = self.cluster.get("secrets", (key[0], certificate["spec"]["secretName"]))
        wait = self._seconds_to_renewal(certificate, now)
        if is_true(certificate, "Issuing") or changed or secret is None or wait == 0:
            duration = _duration(certificate["spec"].get("duration")) or _DEFAULT_DURATION
            issue(self.cluster, certificate, now, now + duration)
            return self._seconds_to_renewal(self.get(key) or certificate, now)
        return wait

    def _seconds_to_renewal(self, certificate: Object, now: datetime) -> float | None:
        due = dig(certificate, "status", "renewalTime")
        if due is None or NO_RENEWAL in annotations_of(certificate):
            return None
        return max((parse(due) - now).total_seconds(), 0.0)


def issue(cluster: Cluster, certificate: Object, since: datetime, until: datetime) -> None:
    """Write a certificate valid from `since` to `until` into the secret, and say so in the status."""
    from sandbox.kubernetes.x509 import self_signed

    spec, namespace = certificate["spec"], certificate["metadata"]["namespace"]
    names = spec.get("dnsNames") or [spec.get("commonName") or certificate["metadata"]["name"]]
    chain, key = self_signed(names, since, until)
    data = {"tls.crt": chain, "tls.key": key, "ca.crt": chain}
    secret: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": spec["secretName"],
            "namespace": namespace,
            "annotations": {"cert-manager.io/certificate-name": certificate["metadata"]["name"]},
        },
        "data": {name: base64.b64encode(value).decode() for name, value in data.items()},
    }
    resource, store = cluster.registry["secrets"], cluster.store
    old = store.get(resource, namespace, spec["secretName"])
    if old is None:
        store.create(resource, secret)
    else:
        store.update(resource, {**secret, "metadata": {**old["metadata"], **secret["metadata"]}})
    _report(cluster, certificate, since, until)


def _report(cluster: Cluster, certificate: Object, since: datetime, until: datetime) -> None:
    spec, generation = certificate["spec"], certificate["metadata"]["generation"]
    before = _duration(spec.get("renewBefore")) or (until - since) / 3
    message = "Certificate is up to date and has not expired"
    ready = {"type": "Ready", "status": "True", "reason": "Ready", "message": message}
    ready["observedGeneration"] = generation
    kept = [c for c in dig(certificate, "status", "conditions") or [] if c["type"] != "Issuing"]
    cluster.set_status(
        RESOURCE,
        certificate,
        conditions=with_condition(kept, ready, cluster.clock.stamp()),
        notBefore=stamp(since),
        notAfter=stamp(until),
        renewalTime=stamp(until - before),
        revision=(dig(certificate, "status", "revision") or 0) + 1,
        observedGeneration=generation,
    )
    text = "The certificate has been successfully issued"
    cluster.events.normal(certificate, "cert-manager-certificates-issuing", "Issuing", text)


def _duration(text: str | None) -> timedelta | None:
    """Return a Go duration such as `2160h0m0s`.

    >>> _duration("2160h")
    datetime.timedelta(days=90)
    """
    if not text:
        return None
    total, number = timedelta(), ""
    units = {"h": timedelta(hours=1), "m": timedelta(minutes=1), "s": timedelta(seconds=1)}
    for character in text:
        if character in units:
            total += float(number) * units[character]
            number = ""
        else:
            number += character
    return total
