"""One object under validation, and the failures that name its fields."""

from __future__ import annotations

from typing import Any

from sandbox.kubernetes.errors import ApiError, invalid
from sandbox.kubernetes.objects import Object, dig
from sandbox.kubernetes.quantities import parse_quantity
from sandbox.kubernetes.resources import Resource


class Check:
    """Makes and raises ApiError 422 for the fields of one object."""

    def __init__(self, resource: Resource, obj: Object) -> None:
        self.resource, self.obj = resource, obj
        self.name: str = obj["metadata"].get("name") or obj["metadata"].get("generateName", "")

    def fail(self, field: str, message: str) -> ApiError:
        """Return the failure of a field."""
        return invalid(self.resource, self.name, field, message)

    def required(self, field: str) -> Any:
        """Return a field's value, which must be there and not empty."""
        value = dig(self.obj, *field.split("."))
        if value in (None, "", [], {}):
            raise self.fail(field, "Required value")
        return value

    def whole(self, field: str) -> None:
        """Refuse a field that is there and not a whole number from zero on."""
        value = dig(self.obj, *field.split("."))
        if value is not None and (not isinstance(value, int) or value < 0):
            raise self.fail(field, f"Invalid value: {value}: must be greater than or equal to 0")

    def one_of(self, field: str, *allowed: str) -> Any:
        """Return a field's value, which must be absent or one of the allowed ones."""
        value = dig(self.obj, *field.split("."))
        if value is not None and value not in allowed:
            supported = ", ".join(f'"{name}"' for name in allowed)
            raise self.fail(field, f'Unsupported value: "{value}": supported values: {supported}')
        return value

    def quantity(self, field: str, value: Any) -> float:
        """Return a quantity, which must be one and not negative."""
        try:
            amount = parse_quantity(value)
        except ValueError as e:
            raise self.fail(field, f'Invalid value: "{value}": quantities must match the format') from e
        if amount < 0:
            raise self.fail(field, f'Invalid value: "{value}": must be greater than or equal to 0')
        return amount
