"""Where an inventory comes from, as the command line says it."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.errors import UsageProblem


class Source(Struct, frozen=True):
    """A dump or saved inventory (``path``), or a live cluster (``context``, ``kubeconfig``)."""

    path: str = ""
    context: str = ""
    kubeconfig: str = ""

    @property
    def live(self) -> bool:
        """Whether this is a cluster rather than a file."""
        return not self.path

    def __str__(self) -> str:
        """The path, or the context."""
        return self.path or self.context or "the current context"


def source_of(from_path: str | None, context: str | None, kubeconfig: str | None = None) -> Source:
    """The source that the options name. Raises UsageProblem when they name none, or two."""
    if from_path and (context or kubeconfig):
        raise UsageProblem("--from reads a file and --context a cluster: give one of the two")
    if not (from_path or context or kubeconfig):
        raise UsageProblem(
            "say what to look at",
            hint="--from FILE (a saved inventory or a dump), or --context NAME (a live cluster)",
        )
    return Source(from_path or "", context or "", kubeconfig or "")
