"""From what a person typed and what the platform file says to a sealed plan; plans as files."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.app.state import write_atomically
from shipkeeper.model.errors import BadInput, Location, UsageProblem
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.labels import Selector
from shipkeeper.model.plan import Plan, PlanWindow, UpgradeHop
from shipkeeper.model.platform import DrainDefaults, Environment, Platform
from shipkeeper.model.time import parse_duration
from shipkeeper.planning.document import decode_plan, encode_plan
from shipkeeper.planning.propose import nodes_seconds, propose_nodes
from shipkeeper.planning.request import NodesRequest
from shipkeeper.planning.settings import find_cluster
from shipkeeper.planning.window import open_or_next, parse_window, window_on
from shipkeeper.semantics.selectors import parse_selector

LARGEST_PLAN = 64 << 20


class Wishes(Struct, frozen=True, kw_only=True):
    """Flags of ``plan nodes`` as typed; None where nothing was said, so that the platform file can speak."""

    names: tuple[str, ...] = ()
    selector: str | None = None
    window: str | None = None
    order: str | None = None
    max_parallel: int | None = None
    action: str = "reboot"
    reboot_with: str | None = None
    reserve: str | None = None
    confirm: str = "none"
    on_blocked: str | None = None
    blocked_after: str | None = None
    grace_period: str | None = None
    delete_empty_dir_data: tuple[str, ...] | None = None
    allow_unmanaged: tuple[str, ...] | None = None
    include_cordoned: bool = False
    allow_control_plane: bool = False
    accept_api_outage: bool = False
    change: str | None = None
    upgrade: tuple[str, str, str] | None = None
    """(component, from, to)."""
    cluster: str = ""


def propose(inventory: Inventory, wishes: Wishes, platform: Platform, at_ms: int, context: str = "") -> Plan:
    """Plan the maintenance of nodes. ``context`` is what the source is called, for finding it in the platform file.

    Raises what ``propose_nodes`` raises, and BadInput for a window, duration or selector that is not understood.
    """
    inventory, request = _asked(inventory, wishes, platform, at_ms, context)
    return propose_nodes(inventory, request, platform, at_ms)


def seconds_of_nodes(
    inventory: Inventory, wishes: Wishes, platform: Platform, at_ms: int, context: str = ""
) -> tuple[float, float]:
    """(P50, P95) of the steps of the plan that ``propose`` makes, one after another. Raises as it does."""
    inventory, request = _asked(inventory, wishes, platform, at_ms, context)
    return nodes_seconds(inventory, request, platform, at_ms)


def _asked(
    inventory: Inventory, wishes: Wishes, platform: Platform, at_ms: int, context: str
) -> tuple[Inventory, NodesRequest]:
    """What was typed together with what the platform file says; and the inventory under the cluster's name."""
    found = find_cluster(platform, wishes.cluster, context or inventory.identity.name, inventory.identity.uid)
    environment, cluster = found if found is not None else (None, None)
    defaults = cluster.drain if cluster is not None else DrainDefaults()
    request = NodesRequest(
        names=wishes.names,
        selector=_selector(wishes.selector),
        order=wishes.order or defaults.order,
        max_parallel=wishes.max_parallel if wishes.max_parallel is not None else defaults.max_parallel,
        action=wishes.action,
        driver=wishes.reboot_with or "",
        window=resolve_window(wishes.window, platform, environment, at_ms) if wishes.window else None,
        reserve_ms=parse_duration(wishes.reserve if wishes.reserve is not None else defaults.reserve),
        confirm=wishes.confirm,
        on_blocked=wishes.on_blocked or defaults.on_blocked,
        blocked_after_ms=_maybe_duration(wishes.blocked_after or defaults.blocked_after),
        grace_period_ms=_maybe_duration(wishes.grace_period),
        delete_empty_dir_data=_or(wishes.delete_empty_dir_data, defaults.delete_empty_dir_data),
        allow_unmanaged=_or(wishes.allow_unmanaged, defaults.allow_unmanaged),
        include_cordoned=wishes.include_cordoned,
        allow_control_plane=wishes.allow_control_plane,
        accept_api_outage=wishes.accept_api_outage,
        change=wishes.change or "",
        upgrade=_hop(wishes.upgrade),
        cluster=cluster.name if cluster is not None else "",
    )
    if cluster is not None and not inventory.identity.name:
        # A dump often does not tell what its cluster is called; the platform file does.
        inventory = replace(inventory, identity=replace(inventory.identity, name=cluster.name))
    return inventory, request


def _hop(upgrade: tuple[str, str, str] | None) -> UpgradeHop | None:
    if upgrade is None:
        return None
    component, before, after = (part.strip() for part in upgrade)
    if not (component and before and after) or before == after:
        raise BadInput(
            f"{component!r} from {before!r} to {after!r} is no upgrade",
            hint="name the component and both versions: --upgrade kubernetes 1.34.2 1.35.10",
        )
    return UpgradeHop(component=component, from_version=before, to_version=after)


def resolve_window(text: str, platform: Platform, environment: Environment | None, at_ms: int) -> PlanWindow:
    """A window written out, the name of one of the platform file's (open, or next), or a date on which one opens.

    Raises BadInput when there is no such window, or when it has closed already.
    """
    if "/" in text:
        window = parse_window(text, platform.zone)
    else:
        window = _recurring(text.strip(), platform, environment, at_ms)
    if window.closes_ms <= at_ms:
        raise BadInput(
            f"the window closed at {window.closes_at}, which is past",
            hint="choose a later one; --at TIME plans as of another time",
        )
    return window


def _recurring(text: str, platform: Platform, environment: Environment | None, at_ms: int) -> PlanWindow:
    environments = [environment] if environment is not None else list(platform.environments)
    rules = [rule for env in environments for rule in env.windows]
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            day = date.fromisoformat(text)
        except ValueError as error:
            raise BadInput(f"{text!r} is not a date") from error
        opening = [window for rule in rules if (window := window_on(rule, day)) is not None]
        if opening:
            return min(opening, key=lambda window: (window.opens_ms, window.closes_ms))
        raise BadInput(
            f"no window of the platform file opens on {text}",
            hint='write it out: --window "2026-12-02T22:00/05:00 Europe/Stockholm"',
        )
    named = [rule for rule in rules if rule.name == text]
    if not named:
        known = ", ".join(rule.name for rule in rules) or "none"
        raise BadInput(
            f"there is no window called {text!r}",
            hint=f'the platform file has: {known}; or write "2026-12-02T22:00/05:00 Europe/Stockholm"',
        )
    return min((open_or_next(rule, at_ms) for rule in named), key=lambda window: window.opens_ms)


def save_plan(plan: Plan, path: str) -> None:
    """Write a plan file. Raises UsageProblem when it cannot be written."""
    try:
        write_atomically(Path(path), encode_plan(plan), mode=0o644)
    except OSError as error:
        raise UsageProblem(f"the plan cannot be written to {path}: {error.strerror}") from error


def load_plan(path: str) -> Plan:
    """Read a plan file and check its digest. Raises BadInput when it is none, or was edited."""
    try:
        with Path(path).open("rb") as file:
            data = file.read(LARGEST_PLAN + 1)
    except OSError as error:
        raise BadInput(
            f"the plan cannot be read: {error.strerror}",
            location=Location(path),
            hint="make one: shipkeeper plan nodes --from INVENTORY --save FILE",
        ) from error
    if len(data) > LARGEST_PLAN:
        raise BadInput("this is larger than any plan", location=Location(path))
    return decode_plan(data, path)


def _selector(text: str | None) -> Selector | None:
    return parse_selector(text) if text is not None and text.strip() else None


def _maybe_duration(text: str | None) -> int | None:
    return parse_duration(text) if text else None


def _or(said: tuple[str, ...] | None, otherwise: tuple[str, ...]) -> tuple[str, ...]:
    return otherwise if said is None else said
