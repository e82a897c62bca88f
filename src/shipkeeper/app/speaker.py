"""Who says something for the record: the name they go by in the platform file, and what the machine calls them."""

from __future__ import annotations

import difflib
import getpass
import socket

from msgspec import Struct

from shipkeeper.model.errors import BadInput
from shipkeeper.model.platform import Person, Platform


class Speaker(Struct, frozen=True):
    """``name`` as in the platform file, or as given where the file names nobody; ``identity``: who was logged in."""

    name: str
    identity: str
    roles: tuple[str, ...] = ()


def speaker(platform: Platform, name: str, identity: str = "") -> Speaker:
    """The person of that name (or API server identity).

    A platform file that names people binds: raises BadInput for a name that is not in it, and for no name.
    """
    if not name.strip():
        raise BadInput(
            "nobody is named",
            why="a record says who spoke",
            hint="add --by NAME, as in people: of the platform file",
        )
    found = person_of(platform, name)
    if found is None and platform.people:
        names = [person.name for person in platform.people]
        close = difflib.get_close_matches(name, names, n=1)
        raise BadInput(
            f"the platform file knows nobody called {name!r}",
            why="a record names somebody who can be asked",
            hint=f"did you mean {close[0]}?" if close else f"people: has {', '.join(names)}",
        )
    return Speaker(
        name=found.name if found else name.strip(),
        identity=identity or local_identity(),
        roles=found.roles if found else (),
    )


def person_of(platform: Platform, name: str) -> Person | None:
    """The person of that name, or whom the API server calls so."""
    wanted = name.strip()
    return next((p for p in platform.people if wanted and wanted in (p.name, p.identity)), None)


def local_identity() -> str:
    """``user@host`` of this process. What the operating system says, and no more proof than that."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError, ImportError):
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
