"""Dumps of a cluster: must-gathers, support bundles, cluster-info dumps, and what kubectl wrote to files."""

from shipkeeper.integrations.dumps.limits import Limits
from shipkeeper.integrations.dumps.read import read_dump

__all__ = ["Limits", "read_dump"]
