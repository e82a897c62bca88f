"""When maintenance may happen, as the platform file declares it."""

from __future__ import annotations

from shipkeeper.model.declared import Declared

CONTENTS = ("os", "kubernetes", "system-pods")
"""What a window may be used for; a rule that lists none takes all."""

CHANGES = ("security-patch", "minor", "major", "kubernetes-minor")
"""Classes of change, by how much developers may notice. A Kubernetes minor is a class of its own."""


class WindowRule(Declared, frozen=True, kw_only=True):
    """A recurring window: an RFC 5545 RRULE for its starts, local start time, duration and zone."""

    name: str
    rrule: str
    start: str
    """Local time of day, HH:MM."""
    duration: str
    zone: str
    agreed_by: tuple[str, ...] = ()
    """Who agreed to it, as names or groups from outside the platform team."""
    agreed_on: str = ""
    """Date of the agreement (YYYY-MM-DD)."""
    agreed_until: str = ""
    """Last day on which the agreement holds; empty: until it is changed."""
    first: str = ""
    """Date (YYYY-MM-DD) from which INTERVAL and COUNT count; required when the RRULE has either."""
    except_on: tuple[str, ...] = ()
    """Dates (YYYY-MM-DD) on which it does not open, although the RRULE says so."""
    content: tuple[str, ...] = ()
    """What it is for: os, kubernetes, system-pods. Empty: all of them."""


class Freeze(Declared, frozen=True, kw_only=True):
    """A time in which nothing is maintained, except what ``allows`` lists.

    ``begins`` and ``ends`` are dates (the whole last day is frozen) or local dates and times (YYYY-MM-DDTHH:MM).
    """

    name: str
    begins: str
    ends: str
    zone: str = ""
    """Where the dates are read; empty: the platform's zone."""
    reason: str = ""
    allows: tuple[str, ...] = ()
    """Classes of change that go on: security-patch, minor, major, kubernetes-minor."""
    closed: bool = False
    """Whether its days are no working days either: nobody is there to find out what a change did."""
