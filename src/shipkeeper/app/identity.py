"""Who we are, as the API server says: the name under which people approve."""

from __future__ import annotations

import asyncio
import os
import sys

from shipkeeper.integrations.kubernetes.connect import connect


async def _who(context: str, kubeconfig: str) -> str:
    async with connect(
        environ=os.environ,
        kubeconfig=kubeconfig or None,
        context=context or None,
        interactive=sys.stdin.isatty(),
    ) as connection:
        return await connection.cluster.whoami()


def who_am_i(context: str = "", kubeconfig: str = "") -> str:
    """The user name that the API server gives us. Raises Unreachable when it cannot be asked."""
    return asyncio.run(_who(context, kubeconfig))
