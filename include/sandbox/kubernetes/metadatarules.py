"""What the API server refuses in an object's metadata."""

from __future__ import annotations

import re

from sandbox.kubernetes.checking import Check
from sandbox.kubernetes.objects import Object
from sandbox.kubernetes.podrules import LABEL

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_RBAC = re.compile(r"[^/%]+")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_KEY_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_STANDARD_FINALIZERS = ("kubernetes", "orphan", "foregroundDeletion")


def metadata(check: Check, old: Object | None) -> None:
    """Check the metadata of an object, and its change from `old`."""
    _name(check)
    labels = check.obj["metadata"].get("labels") or {}
    for key, value in labels.items():
        _key(check, "metadata.labels", key)
        if not _LABEL_VALUE.fullmatch(value):
            raise check.fail("metadata.labels", f'Invalid value: "{value}" of "{key}": not a label value')
    for key in check.obj["metadata"].get("annotations") or {}:
        _key(check, "metadata.annotations", key)
    _finalizers(check, old)


def _name(check: Check) -> None:
    pattern = _RBAC if check.resource.group == "rbac.authorization.k8s.io" else _SUBDOMAIN
    if check.resource.id in {("", "namespaces"), ("", "services")}:
        pattern = LABEL
    name = check.name
    if not name:
        raise check.fail("metadata.name", "Required value: name or generateName is required")
    if len(name) > 253 or not pattern.fullmatch(name.rstrip("-") if name.endswith("-") else name):
        raise check.fail("metadata.name", f'Invalid value: "{name}": must be a lowercase RFC 1123 name')


def _key(check: Check, field: str, key: str) -> None:
    """Refuse what is no qualified name: `name`, or `example.com/name`."""
    prefix, slash, name = key.rpartition("/")
    if not _KEY_NAME.fullmatch(name) or (slash and not _SUBDOMAIN.fullmatch(prefix)):
        raise check.fail(field, f'Invalid value: "{key}": name part must consist of alphanumeric characters')


def _finalizers(check: Check, old: Object | None) -> None:
    field, given = "metadata.finalizers", check.obj["metadata"].get("finalizers") or []
    for name in given:
        _key(check, field, name)
        if "/" not in name and name not in _STANDARD_FINALIZERS and not check.resource.custom:
            why = "name is neither a standard finalizer name nor is it fully qualified"
            raise check.fail(field, f'Invalid value: "{name}": {why}')
    if old is not None and "deletionTimestamp" in old["metadata"]:
        fresh = [name for name in given if name not in (old["metadata"].get("finalizers") or [])]
        if fresh:
            why = "no new finalizers can be added if the object is being deleted"
            raise check.fail(field, f"Forbidden: {why}, found new finalizers {fresh}")
