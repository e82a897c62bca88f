"""What a cluster cannot tell: asked of a person, and left open where nobody answers."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from shipkeeper.model.lead import parse_lead
from shipkeeper.model.time import load_zone
from shipkeeper.planning.recurring_words import parse_recurring


class Answers(Struct, frozen=True, kw_only=True):
    """What a person said. Empty: nobody answered."""

    zone: str = ""
    environment: str = ""
    production: str = ""
    """yes or no."""
    window: str = ""
    """``first Tuesday 22:00 7h``."""
    on_call: str = ""
    lead: str = ""
    users: str = ""
    provider: str = ""
    kubernetes_minor: str = ""


class Asked(Struct, frozen=True, kw_only=True):
    """A question. ``field`` names its answer, ``without`` says what holds when nobody answers."""

    field: str
    flag: str
    text: str
    example: str
    without: str
    check: Callable[[str], object] = str
    """Raises BadInput for an answer that cannot be used."""


def _zone(text: str) -> None:
    load_zone(text)


QUESTIONS: tuple[Asked, ...] = (
    Asked(
        field="zone", flag="--zone", text="In which time zone does the platform team live?",
        example="Europe/Stockholm", without="dates are reckoned in UTC", check=_zone,
    ),
    Asked(
        field="window", flag="--window", text="When is the monthly maintenance window?",
        example="first Tuesday 22:00 7h", without="a window is written down that nobody agreed to yet",
        check=parse_recurring,
    ),
    Asked(
        field="on_call", flag="--on-call", text="How is whoever is on call reached?",
        example="tel:+46-8-000000", without="notices cannot say whom to call",
    ),
    Asked(
        field="lead", flag="--escalate-to", text="Whom does the platform team escalate to, and how are they reached?",
        example="mailto:platform-lead@example.net", without="nobody is named when the team itself is in doubt",
    ),
    Asked(
        field="provider", flag="--provider", text="Who runs the machines, the network and the object storage?",
        example="tel:+46-8-111111", without="nobody is named for what lies below the platform",
    ),
    Asked(
        field="users", flag="--application-owners", text="How are those who own the applications told?",
        example="mailto:app-owners@example.net", without="no notice can be sent",
    ),
    Asked(
        field="kubernetes_minor", flag="--kubernetes-notice",
        text="How long before a Kubernetes minor are developers told?", example="4 weeks",
        without="a window with a Kubernetes minor is blocked until somebody decides", check=parse_lead,
    ),
)  # fmt: skip
"""In the order in which they are asked."""
