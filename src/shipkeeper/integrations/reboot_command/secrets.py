"""Secrets that a command needs: read when it is started, given in its environment, never repeated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from shipkeeper.model.errors import BadInput

HIDDEN = b"[hidden]"
_LARGEST = 64 * 1024
_SHORTEST_LINE = 4
"""A line of a secret shorter than this is hidden only as part of the whole."""


def read_secrets(references: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """The values behind ``env:NAME`` and ``file:PATH``, by the variable they go to. Raises BadInput, naming the
    reference and never the value.
    """
    return {name: _read(name, references[name], environ) for name in sorted(references)}


def _read(name: str, reference: str, environ: Mapping[str, str]) -> str:
    scheme, _, rest = reference.partition(":")
    if scheme == "env" and rest:
        value, reason = environ.get(rest, ""), f"the environment has no {rest}"
    elif scheme == "file" and rest:
        value, reason = _from_file(rest)
    else:
        # The text is not repeated: it may be the secret itself.
        value, reason = "", "it is no reference: write env:NAME or file:PATH"
    if not value or "\0" in value:
        raise BadInput(
            f"the secret for {name} cannot be read: {reason}",
            code="secret-not-readable",
            object=name,
            why="the reboot command was not started without it",
            hint="provide it to the process that runs the plan",
        )
    return value


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


def hide(output: bytes, values: Iterable[str]) -> bytes:
    """The output with every secret, and every line of one, replaced."""
    parts = set()
    for value in values:
        parts.add(value.strip())
        parts.update(line.strip() for line in value.splitlines() if len(line.strip()) >= _SHORTEST_LINE)
    for part in sorted(parts, key=lambda text: (-len(text), text)):
        if part:
            output = output.replace(part.encode(), HIDDEN)
    return output
