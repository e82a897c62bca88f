"""What the ids of chains mean."""

from __future__ import annotations

CHECKS = "checks-"
"""Chains whose id begins so hold checklists; they are not runs."""
