"""What a notice's words are made of, and who gets to read which part of it."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.evidence.impact import Impact, Interruption
from shipkeeper.model.notices import UsedApi
from shipkeeper.model.plan import PlanWindow
from shipkeeper.model.platform import Person


class Telling(Struct, frozen=True, kw_only=True):
    """The facts. What is None is not known, and the text says so."""

    name: str
    """How people call the platform, as it stands in the middle of a sentence."""
    zone: str
    """The readers' zone."""
    window: PlanWindow | None
    purpose: str = ""
    """What nodes go through: reboot, none; empty where no plan of nodes is told of."""
    machines: int = 0
    max_parallel: int = 1
    what: tuple[str, ...] = ()
    """What changes, a line each, such as ``Keycloak 26.1.4 → 26.2.5``."""
    impact: Impact | None = None
    contacts: tuple[Person, ...] = ()
    apis: tuple[UsedApi, ...] | None = None
    """Objects that use an API which goes away; None: nobody has looked."""
    unseen: tuple[str, ...] = ()
    """What could not be looked at when they were searched."""
    reminder: str = ""
    """How long before it begins people are reminded; empty: not at all."""
    rule: str = ""
    """A recurring window that is to be agreed to, in words; ``dates`` are its next ones."""
    dates: tuple[PlanWindow, ...] = ()
    until: str = ""
    """When a maintenance that takes longer is now expected to be over, as its readers are told; empty: not known."""


def for_readers(telling: Telling, namespaces: tuple[str, ...], without: frozenset[str]) -> Telling:
    """The part that one team reads: what is in its namespaces; for all others, what is in nobody's ``without``."""

    def theirs(namespace: str) -> bool:
        return namespace in namespaces if namespaces else namespace not in without

    def kept(items: tuple[Interruption, ...]) -> tuple[Interruption, ...]:
        return tuple(item for item in items if theirs(item.namespace))

    impact = telling.impact
    if impact is not None:
        holding = tuple(text for text in impact.holding if theirs(text.partition("/")[0]))
        impact = replace(
            impact, interruptions=kept(impact.interruptions), weakened=kept(impact.weakened), holding=holding
        )
    apis = telling.apis
    if apis is not None:
        apis = tuple(api for api in apis if theirs(api.namespace))
    return replace(telling, impact=impact, apis=apis)
