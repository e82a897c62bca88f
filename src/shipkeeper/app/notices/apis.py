"""Which objects use APIs that another minor of Kubernetes takes away, as their owners are told of it."""

from __future__ import annotations

from shipkeeper.assessment.removed_apis import ApiUse, removed_apis
from shipkeeper.knowledge.removals import Removals
from shipkeeper.model.errors import BadInput
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.notices import UsedApi
from shipkeeper.semantics.skew import minor_of

_FURTHEST = 10


def used_apis(inventory: Inventory, reached: str, removals: Removals) -> tuple[tuple[UsedApi, ...], tuple[str, ...]]:
    """(what has to be changed before that minor, what could not be looked at). ``reached`` such as ``1.34``.

    Raises BadInput for a minor that is not understood, or does not lie ahead of the inventory's.
    """
    report = removed_apis(inventory, removals, _stops(inventory, reached))
    uses = tuple(_told(use) for use in report.uses if use.state in ("gone", "removed"))
    return uses, report.unknown


def _stops(inventory: Inventory, reached: str) -> tuple[str, ...]:
    now, goal = minor_of(inventory.identity.server_version), minor_of(reached)
    if goal is None:
        raise BadInput(f"{reached!r} is no version of Kubernetes", hint="write its minor, such as 1.34")
    if now is None:
        raise BadInput(
            f"{inventory.source} does not tell which Kubernetes it runs",
            why="which APIs go away on the way cannot be told",
            hint="survey the cluster itself: --context NAME",
        )
    if now[0] != goal[0] or not now[1] < goal[1] <= now[1] + _FURTHEST:
        raise BadInput(f"Kubernetes {goal[0]}.{goal[1]} does not lie ahead: it runs {now[0]}.{now[1]}")
    return tuple(f"{now[0]}.{minor}" for minor in range(now[1], goal[1] + 1))


def _told(use: ApiUse) -> UsedApi:
    named = f"{use.namespace}/{use.name}" if use.namespace else use.name
    return UsedApi(
        object=f"{use.kind} {named}" if use.name else "",
        api=f"{use.api_version} {use.kind}",
        namespace=use.namespace or use.owner.partition("/")[0],
        replacement=use.replacement,
        removed_in=f"Kubernetes {use.removed_in}" if use.removed_in else "",
        kept_by=f"{use.told_by} {use.owner}" if use.owner else "",
    )
