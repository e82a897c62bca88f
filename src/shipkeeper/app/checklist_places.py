"""Which clusters a checklist is about, and which of them an inventory is of."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from msgspec import Struct

from shipkeeper.model.errors import Refused, UsageProblem
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import ClusterConfig, Environment, Platform
from shipkeeper.planning.settings import find_cluster

_PAIRED = ("sc", "wc")


class Place(Struct, frozen=True):
    """One cluster of a checklist. ``own``: the plan is of it. ``config`` None: the platform file does not have it."""

    name: str
    own: bool = True
    role: str = "single"
    config: ClusterConfig | None = None
    environment: Environment | None = None

    @property
    def kubectl(self) -> str:
        """How kubectl is called for it."""
        context = self.config.context if self.config is not None else ""
        return f"kubectl --context {shlex.quote(context)}" if context else "kubectl"


def places_of(plan: Plan, platform: Platform, names: Sequence[str] = (), known_as: str = "") -> tuple[Place, ...]:
    """The clusters that a plan's checklist is about, the plan's own first.

    Service and workload clusters of one environment belong together; a cluster of any other kind stands alone.
    ``names`` limits the view, or adds clusters of the environment; one alone also says which entry the plan's cluster
    is, where nothing else tells. ``known_as``: a context that the plan's cluster goes by. Raises UsageProblem for a
    name that is not in the plan's environment.
    """
    found = find_cluster(platform, "", plan.cluster.name, plan.cluster.uid)
    if found is None and known_as:
        found = find_cluster(platform, "", known_as, plan.cluster.uid)
    if found is None and len(names) == 1:
        found = find_cluster(platform, names[0])
    if found is None:
        if names:
            raise UsageProblem(
                f"the platform file does not tell which of its clusters {plan.cluster.name or 'the plan'} is",
                hint=f"add uid: {plan.cluster.uid} to its entry under clusters:",
            )
        return (Place(name=plan.cluster.name),)
    environment, own = found
    others = [one for one in environment.clusters if one.name != own.name]
    together = [one for one in others if own.role in _PAIRED and one.role in _PAIRED]
    wanted = [own, *together]
    if names:
        known = {one.name: one for one in (own, *others)}
        strangers = [name for name in names if name not in known]
        if strangers:
            raise UsageProblem(
                f"{environment.name} has no cluster called {strangers[0]!r}",
                why="a checklist is about the clusters of its plan's environment",
                hint=f"it has {', '.join(known)}",
            )
        wanted = [one for one in known.values() if one.name in names]
    return tuple(
        Place(name=one.name, own=one.name == own.name, role=one.role, config=one, environment=environment)
        for one in wanted
    )


def place_of(inventory: Inventory, plan: Plan, platform: Platform, places: Sequence[Place]) -> Place:
    """The place that an inventory is of. Raises Refused (other-cluster) when it is of none of them."""
    uid = inventory.identity.uid
    if uid and uid == plan.cluster.uid:
        own = next((place for place in places if place.own), None)
        if own is not None:
            return own
    found = find_cluster(platform, "", inventory.identity.name or inventory.source, uid)
    for place in places:
        if place.config is not None and found is not None and found[1].name == place.config.name:
            return _same(inventory, plan, place)
    if found is None and len(places) == 1:
        return _same(inventory, plan, places[0])
    raise _other(inventory, plan, f"of {', '.join(place.name or 'the plan' for place in places)}")


def _same(inventory: Inventory, plan: Plan, place: Place) -> Place:
    """The place, unless its UID says that this is another cluster of the same name."""
    planned, found = plan.cluster.uid, inventory.identity.uid
    if place.own and planned and found and planned != found:
        raise _other(inventory, plan, f"than the plan's ({planned})")
    return place


def _other(inventory: Inventory, plan: Plan, than: str) -> Refused:
    uid = inventory.identity.uid or "without a UID"
    return Refused(
        f"this is another cluster ({uid}) than the plan's ({plan.cluster.uid})"
        if than.startswith("than")
        else f"this is another cluster ({uid}) than any {than}",
        code="other-cluster",
        object=inventory.source,
        why="boxes ticked for one cluster say nothing of another",
        hint="name the right cluster with --context, or the right inventory with --from; clusters are recognised by"
        " uid: in the platform file",
    )
