"""What stops a generator. Nothing is written then."""

from __future__ import annotations


class GeneratorError(Exception):
    """Something a person has to look at. Exit code 1."""

    exit_code = 1


class Unavailable(GeneratorError):
    """A tool or module cannot be had here; a test may skip. Exit code 3."""

    exit_code = 3
