"""What every section of the platform file has in common."""

from __future__ import annotations

from msgspec import Struct


class Declared(Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of the platform file's sections: unknown keys are errors."""
