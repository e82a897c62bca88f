"""Upgrade paths as pure functions: the way a policy leads, and what a proposed way breaks of it."""

from shipkeeper.semantics.paths.find import SKIP_LATE, find_path, find_stops, kind_of
from shipkeeper.semantics.paths.judge import judge_path
from shipkeeper.semantics.paths.releases import Known, day, write_minor

__all__ = ["SKIP_LATE", "Known", "day", "find_path", "find_stops", "judge_path", "kind_of", "write_minor"]
