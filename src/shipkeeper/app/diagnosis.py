"""What ``doctor`` answers: one line a check, with how to mend what is not in order."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from shipkeeper.model.errors import Problems, ShipkeeperError

State = Literal["ok", "warning", "failed", "unknown"]

NOT_REACHED = 7
NOT_THERE = 2
NOT_IN_ORDER = 1


class Check(Struct, frozen=True, kw_only=True):
    """One check. ``reading`` is what was found, ``mend`` what to do about it; empty when nothing is to be done."""

    id: str
    state: State
    reading: str
    mend: str = ""


class Diagnosis(Struct, frozen=True, kw_only=True, rename="camel"):
    """Every check, in the order in which they were made."""

    context: str
    checks: tuple[Check, ...]
    reached: bool
    """The cluster answered and let us in, or was not asked for."""
    found: bool = True
    """There is a cluster of that name to ask; else the call, or the kubeconfig, is wrong."""

    @property
    def exit_code(self) -> int:
        """0 in order (warnings included), 2 there is no such cluster, 7 it cannot be reached, 1 something failed or is
        not known.
        """
        if not self.found:
            return NOT_THERE
        if not self.reached:
            return NOT_REACHED
        return NOT_IN_ORDER if any(check.state in ("failed", "unknown") for check in self.checks) else 0


def passed(id: str, reading: str) -> Check:
    """In order."""
    return Check(id=id, state="ok", reading=reading)


def warned(id: str, reading: str, mend: str = "") -> Check:
    """Not in the way now; a person should know."""
    return Check(id=id, state="warning", reading=reading, mend=mend)


def failed(id: str, reading: str, mend: str = "") -> Check:
    """Not in order."""
    return Check(id=id, state="failed", reading=reading, mend=mend)


def unknown(id: str, reading: str, mend: str = "") -> Check:
    """Could not be found out."""
    return Check(id=id, state="unknown", reading=reading, mend=mend)


def failure(id: str, error: ShipkeeperError, mend: str = "") -> Check:
    """An error as a check that failed."""
    more = len(error.problems) - 1 if isinstance(error, Problems) else 0
    first = error.problems[0] if isinstance(error, Problems) and error.problems else error
    words = [f"{first}{f' and {more} more' if more > 0 else ''}"]
    words += [first.why] if first.why else []
    return failed(id, "; ".join(words), first.hint or mend)
