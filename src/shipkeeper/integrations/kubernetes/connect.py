"""From a kubeconfig context to a connection that is used and closed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType

from shipkeeper.integrations.kubernetes.access import Access, find_access
from shipkeeper.integrations.kubernetes.cluster import HttpCluster
from shipkeeper.integrations.kubernetes.credentials import CredentialFacts, Credentials
from shipkeeper.integrations.kubernetes.objects import Objects
from shipkeeper.integrations.kubernetes.source import KubeSource
from shipkeeper.integrations.kubernetes.timing import Timing
from shipkeeper.integrations.kubernetes.transport import Transport


class Connection:
    """One cluster, one identity, one event loop. ``async with`` closes it.

    ``cluster`` is what execution uses, ``source`` what a survey uses, ``objects`` what everything else writes with.
    """

    def __init__(
        self,
        access: Access,
        *,
        environ: Mapping[str, str],
        timing: Timing | None = None,
        interactive: bool = False,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        timing = timing or Timing()
        self.access = access
        self._credentials = Credentials(access, environ=environ, now_ms=timing.now_ms, interactive=interactive)
        self.transport = Transport(access, self._credentials, environ=environ, timing=timing, on_warning=on_warning)
        self.cluster = HttpCluster(self.transport)
        self.source = KubeSource(self.transport)
        self.objects = Objects(self.transport)

    async def credential_facts(self) -> CredentialFacts:
        """Where our credential comes from, when it ends, and whether having a new one takes a person."""
        return await self._credentials.facts()

    async def __aenter__(self) -> Connection:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End watches and connections. Idempotent."""
        await self.cluster.close()
        await self.transport.aclose()


def connect(
    *,
    environ: Mapping[str, str],
    kubeconfig: str | None = None,
    context: str | None = None,
    interactive: bool = False,
    on_warning: Callable[[str], None] | None = None,
    timing: Timing | None = None,
) -> Connection:
    """A connection to the cluster that kubectl would use. Nothing is sent before the first call.

    ``interactive``: a person is at the terminal, and an exec plugin may talk to them. ``on_warning`` is told each
    warning once: the server's (``Warning`` headers) and those about the connection itself.
    Raises UsageProblem and BadInput for a kubeconfig that cannot be used.
    """
    access = find_access(kubeconfig=kubeconfig, context=context, environ=environ)
    return Connection(access, environ=environ, timing=timing, interactive=interactive, on_warning=on_warning)
