"""Secrets from this process' environment and from files: read when they are needed, and never kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from shipkeeper.model.errors import BadInput
from shipkeeper.ports.secrets import Secret

_LARGEST = 64 * 1024


class ReferencedSecrets:
    """Implements ``ports.secrets.Secrets`` over an environment and the local files."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def read(self, reference: str, what: str) -> Secret:
        """See ports.secrets.Secrets."""
        scheme, _, rest = reference.partition(":")
        if scheme == "env" and rest:
            value, reason = self._environ.get(rest, ""), f"the environment has no {rest}"
        elif scheme == "file" and rest:
            value, reason = _from_file(rest)
        else:
            # The text is not repeated: it may be the secret itself.
            value, reason = "", "it is no reference: write env:NAME or file:PATH"
        if not value or "\0" in value:
            raise BadInput(
                f"the secret for {what} cannot be read: {reason}",
                code="secret-not-readable",
                object=what,
                why="nothing that needs it was started",
                hint="provide it to the process that needs it, in its environment or in that file",
            )
        return Secret(value)


def _from_file(path: str) -> tuple[str, str]:
    try:
        with Path(path).expanduser().open("rb") as file:
            data = file.read(_LARGEST + 1)
        value = data.decode().removesuffix("\n").removesuffix("\r")
    except OSError as error:
        return "", f"{path}: {error.strerror}"
    except UnicodeDecodeError:
        return "", f"{path} is not text"
    return ("", f"{path} is larger than 64 KiB") if len(data) > _LARGEST else (value, f"{path} is empty")
