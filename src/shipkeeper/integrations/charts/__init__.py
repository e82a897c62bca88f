"""Helm charts on disk: a folder, or the archive that a repository serves. Read, never rendered."""

from shipkeeper.integrations.charts.read import read_chart

__all__ = ["read_chart"]
