"""Updates that Renovate proposes, read from the branches it pushed: no access to any forge is needed."""

from shipkeeper.integrations.renovate.read import Proposals, read_updates

__all__ = ["Proposals", "read_updates"]
