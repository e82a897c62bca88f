"""A Helm chart, as far as it says what an upgrade to it will do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct


class ChartDependency(Struct, frozen=True, kw_only=True):
    """A chart that another one brings along. ``version`` may be a range."""

    name: str
    version: str = ""
    repository: str = ""
    alias: str = ""

    @property
    def key(self) -> str:
        """Under which key its values stand in those of its parent."""
        return self.alias or self.name


class Chart(Struct, frozen=True, kw_only=True):
    """A chart with everything inside it. ``place`` names it in messages.

    ``defaults`` are its own ``values.yaml``; ``schema`` its ``values.schema.json``. ``crds`` are definitions from its
    ``crds`` folder and those of its templates that are plain apart from whole lines of template.
    """

    name: str
    version: str
    place: str
    app_version: str = ""
    kube_version: str = ""
    deprecated: bool = False
    changes: tuple[tuple[str, str], ...] | None = None
    """(kind, words) of what its ``artifacthub.io/changes`` lists: added, changed, deprecated, removed, fixed, security;
    an empty kind where the list does not tell. None: there is no such annotation, or it cannot be read.
    """
    security_updates: bool | None = None
    """``artifacthub.io/containsSecurityUpdates``; None where it is not said."""
    dependencies: tuple[ChartDependency, ...] = ()
    defaults: Mapping[str, Any] = {}
    schema: Mapping[str, Any] | None = None
    crds: tuple[Mapping[str, Any], ...] = ()
    crds_in_folder: int = 0
    """How many files with definitions are in its ``crds`` folder, which ``helm upgrade`` never touches."""
    unread_crds: tuple[str, ...] = ()
    """Templates that hold definitions and are more than that."""
    charts: tuple[Chart, ...] = ()
    """Those of its dependencies that are packed into it."""
