"""Upgrade paths as pure functions: the way a policy leads, and what a proposed way breaks of it."""

from shipkeeper.semantics.paths.components import with_components
from shipkeeper.semantics.paths.crds import crd_blockers
from shipkeeper.semantics.paths.find import SKIP_LATE, find_path, find_stops, kind_of
from shipkeeper.semantics.paths.judge import judge_path
from shipkeeper.semantics.paths.kubernetes import kubernetes_hops
from shipkeeper.semantics.paths.observed import charts_of, versions_of
from shipkeeper.semantics.paths.releases import Known, day

__all__ = [
    "SKIP_LATE", "Known", "charts_of", "crd_blockers", "day", "find_path", "find_stops", "judge_path", "kind_of",
    "kubernetes_hops", "versions_of", "with_components",
]  # fmt: skip
