"""What the API server refuses in a CustomResourceDefinition."""

from __future__ import annotations

from sandbox.kubernetes.checking import Check
from sandbox.kubernetes.objects import dig


def definition(check: Check) -> None:
    """Check the names, the scope and the versions with their schemas."""
    for field in ("group", "scope", "names.plural", "names.kind", "versions"):
        check.required(f"spec.{field}")
    check.one_of("spec.scope", "Cluster", "Namespaced")
    expected = f"{dig(check.obj, 'spec', 'names', 'plural')}.{dig(check.obj, 'spec', 'group')}"
    if check.name != expected:
        raise check.fail("metadata.name", f'Invalid value: "{check.name}": must be "{expected}"')
    versions = check.obj["spec"]["versions"]
    for index, version in enumerate(versions):
        if not dig(version, "schema", "openAPIV3Schema"):
            raise check.fail(
                f"spec.versions[{index}].schema.openAPIV3Schema", "Required value: schemas are required"
            )
    if sum(bool(version.get("storage")) for version in versions) != 1:
        why = "Invalid value: must have exactly one version marked as storage version"
        raise check.fail("spec.versions", why)
