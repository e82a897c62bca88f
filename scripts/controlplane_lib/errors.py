"""Errors of the control plane script, each with its exit code."""

from __future__ import annotations


class PlaneError(Exception):
    """Something went wrong that a person has to look at. Exit code 1."""

    exit_code = 1


class Unavailable(PlaneError):
    """A binary can be had from nowhere here; a test suite may skip. Exit code 3."""

    exit_code = 3


class BuildFailed(PlaneError):
    """Go and its modules were there, and the build still failed. Exit code 1."""
