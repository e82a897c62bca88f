"""The error tree.

::

    ShipkeeperError
    ├── Refused            we chose not to act                                     exit 4
    │   └── DoesNotFit     it would not fit, is blocked, or cannot be known        exit 5
    └── Failed             we could not                                            exit 1
        ├── UsageProblem   the call, a file or a setting is wrong                  exit 2
        │   └── BadInput   a file or document, with the place in it                exit 2
        ├── Unreachable    a system cannot be reached or does not let us in        exit 7
        ├── Conflict       the object changed under us (HTTP 409)                  exit 1
        └── MissingExtra   an optional dependency is not installed                 exit 2

Every error says what happened and to which object (``message``, ``object``), why it matters
(``why``) and what to do next (``hint``). ``code`` is stable and documented in
``docs/reference/errors.md``.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple


class Location(NamedTuple):
    """A place in a file. ``line`` and ``column`` count from 1; 0 means not known."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """Render as ``file:line:column``, leaving out what is not known."""
        parts = [self.file]
        if self.line:
            parts.append(str(self.line))
            if self.column:
                parts.append(str(self.column))
        return ":".join(parts)


class ShipkeeperError(Exception):
    """Root of everything Shipkeeper raises on purpose."""

    exit_code: ClassVar[int] = 1
    default_code: ClassVar[str] = "failed"

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        object: str = "",
        why: str = "",
        hint: str = "",
        location: Location | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.object = object
        self.why = why
        self.hint = hint
        self.location = location

    def __str__(self) -> str:
        """One line: where, what."""
        return f"{self.location}: {self.message}" if self.location else self.message


class Refused(ShipkeeperError):
    """We chose not to act: a gate is closed, or the plan does not belong to this cluster."""

    exit_code = 4
    default_code = "refused"


class DoesNotFit(Refused):
    """The work does not fit, is blocked, or whether it is cannot be known."""

    exit_code = 5
    default_code = "does-not-fit"


class Failed(ShipkeeperError):
    """We could not do it."""

    default_code = "failed"


class UsageProblem(Failed):
    """The call, a file or a setting is wrong; nothing was done."""

    exit_code = 2
    default_code = "usage"


class BadInput(UsageProblem):
    """A file or document cannot be used as it is; nothing of it was kept."""

    default_code = "bad-input"


class Unreachable(Failed):
    """A system cannot be reached, or does not let us in."""

    exit_code = 7
    default_code = "unreachable"


class Unauthenticated(Unreachable):
    """The system answered, and did not accept who we say we are (HTTP 401)."""

    default_code = "unauthenticated"


class Forbidden(Failed):
    """The system knows us and does not allow this (HTTP 403)."""

    default_code = "forbidden"


class Conflict(Failed):
    """The object changed under us, or a precondition did not hold (HTTP 409)."""

    default_code = "conflict"


class MissingExtra(UsageProblem):
    """An optional dependency is needed and not installed."""

    default_code = "missing-extra"


class Problems(UsageProblem):
    """Several errors found in one input, so that a person mends them in one go."""

    default_code = "bad-input"

    def __init__(self, message: str, problems: tuple[ShipkeeperError, ...]) -> None:
        super().__init__(
            message, location=problems[0].location if problems else None, hint=problems[0].hint if problems else ""
        )
        self.problems = problems
