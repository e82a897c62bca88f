"""Free room on nodes, as columns: what a drain needs to know before it sends pods elsewhere."""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from shipkeeper.model.nodes import Node


class Room(Struct, frozen=True):
    """Nodes and what is free on them. ``free[i, j]`` is allocatable minus requested of resource ``resources[j]``
    on ``nodes[i]``; terminating pods still count as using. ``pods`` is one of the resources.
    """

    nodes: tuple[Node, ...]
    resources: tuple[str, ...]
    free: NDArray[np.int64]
