"""The cluster in virtual time: API objects, controllers, scheduler, kubelet. Implements ClusterApi and Reboot."""

from __future__ import annotations

from shipkeeper.twin.measures import Measurement, NodeMeasure, WorkloadMeasure
from shipkeeper.twin.settings import TwinSettings
from shipkeeper.twin.twin import Loaded, Twin

__all__ = ["Loaded", "Measurement", "NodeMeasure", "Twin", "TwinSettings", "WorkloadMeasure"]
