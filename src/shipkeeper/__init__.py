"""Shipkeeper looks after Kubernetes platforms: due, agreed, planned, rehearsed, carried out, proved."""

__version__ = "0.1.0"
