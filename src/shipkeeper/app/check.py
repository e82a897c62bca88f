"""Check an inventory for what would block or hurt a drain, by the platform file's rules, flags or a plan."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from shipkeeper.assessment.check import RULES, Findings, Settings, check
from shipkeeper.assessment.check.context import DEFAULT_WINDOW_MS
from shipkeeper.model.errors import Problems, UsageProblem
from shipkeeper.model.findings import Rule
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import DrainPolicy, Plan
from shipkeeper.model.platform import DrainDefaults, Platform
from shipkeeper.model.time import SECOND, format_duration, parse_duration
from shipkeeper.planning.settings import find_cluster
from shipkeeper.semantics.selectors import matches, parse_selector

THRESHOLDS = {
    "error": ("error",),
    "unknown": ("error", "unknown"),
    "warning": ("error", "unknown", "warning"),
    "never": (),
}
"""``--fail-on`` → severities that fail a check."""


class Question(Struct, frozen=True, kw_only=True):
    """What to check: nodes by name, selector or plan (none: all), and what the plan to come may do.

    None where nothing was said, so that the plan or the platform file can speak. Durations as typed.
    """

    names: tuple[str, ...] = ()
    selector: str | None = None
    plan: Plan | None = None
    window: str | None = None
    delete_empty_dir_data: tuple[str, ...] | None = None
    allow_unmanaged: tuple[str, ...] | None = None
    cluster: str = ""


def check_inventory(
    inventory: Inventory, question: Question, platform: Platform, context: str = ""
) -> tuple[Findings, tuple[str, ...]]:
    """(findings, what was assumed). The moment is the inventory's own. ``context``: what the source is called.

    Raises Problems for nodes that are not there, BadInput for a selector or duration that is not understood.
    """
    settings, assumed = settings_of(question, platform, context or inventory.identity.name, inventory.identity.uid)
    return check(inventory, settings, chosen(inventory, question), now_ms=inventory.taken_ms), assumed


def settings_of(
    question: Question, platform: Platform, known_as: str, uid: str = ""
) -> tuple[Settings, tuple[str, ...]]:
    """What the check takes for granted: flags first, then the plan, then the platform file, then defaults."""
    plan = question.plan
    found = find_cluster(platform, question.cluster, known_as, uid)
    environment, cluster = found if found is not None else (None, None)
    defaults = cluster.drain if cluster is not None else DrainDefaults()
    policy = plan.drain_policy if plan is not None else DrainPolicy()
    if plan is None:
        policy = replace(
            policy,
            delete_empty_dir_data=defaults.delete_empty_dir_data,
            allow_unmanaged=defaults.allow_unmanaged,
        )
    if question.delete_empty_dir_data is not None:
        policy = replace(policy, delete_empty_dir_data=question.delete_empty_dir_data)
    if question.allow_unmanaged is not None:
        policy = replace(policy, allow_unmanaged=question.allow_unmanaged)
    settings = Settings(policy=policy)
    if plan is not None:
        settings = replace(settings, reboot_ms=round(plan.timings.reboot_seconds[1] * SECOND))
    elif cluster is not None and cluster.timings.reboot:
        settings = replace(settings, reboot_ms=parse_duration(cluster.timings.reboot.rsplit("/", 1)[-1]))
    if question.window is not None:
        return replace(settings, window_ms=parse_duration(question.window), window_source="declared"), ()
    if plan is not None and plan.window is not None:
        window_ms = plan.window.closes_ms - plan.window.opens_ms - plan.reserve_seconds * SECOND
        return replace(settings, window_ms=window_ms, window_source="declared"), ()
    lengths = [parse_duration(rule.duration) for rule in environment.windows] if environment is not None else []
    if lengths:
        return replace(settings, window_ms=min(lengths), window_source="declared"), ()
    why = "no window known"
    if platform.environments and cluster is None:
        why = "the platform file does not tell which of its clusters this is (--cluster does), so no window is known"
    return settings, (f"{why}: assuming one of {format_duration(DEFAULT_WINDOW_MS)} (--window says another)",)


def chosen(inventory: Inventory, question: Question) -> tuple[str, ...] | None:
    """Names of the nodes asked for; None for all. Raises Problems for names that the inventory does not have."""
    names = question.names
    if not names and question.plan is not None:
        names = tuple(node.name for node in question.plan.nodes)
    if not names and question.selector is None:
        return None
    known = {node.name: node for node in inventory.nodes}
    _know_all(names, sorted(known))
    nodes = [known[name] for name in dict.fromkeys(names)] if names else list(inventory.nodes)
    if question.selector is not None:
        selector = parse_selector(question.selector)
        nodes = [node for node in nodes if matches(selector, node.labels)]
        if not nodes:
            raise UsageProblem(
                f"no node carries the labels {question.selector!r}",
                why="a check of no nodes finds nothing, and would look like a pass",
                hint="kubectl get nodes --show-labels",
            )
    return tuple(node.name for node in nodes)


def fails(findings: Findings, threshold: str) -> bool:
    """Whether the findings reach the threshold of ``--fail-on``."""
    return any(item.severity in THRESHOLDS[threshold] for item in findings.items)


def explain(rule: str) -> Rule:
    """A rule's words. Raises UsageProblem for an id that no rule has."""
    found = RULES.get(rule)
    if found is None:
        close = difflib.get_close_matches(rule, RULES, n=1)
        raise UsageProblem(
            f"there is no rule called {rule!r}",
            hint=f"did you mean {close[0]}?" if close else f"rules: {', '.join(sorted(RULES))}",
        )
    return found


def _know_all(names: Sequence[str], known: Sequence[str]) -> None:
    problems = []
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            problems.append(
                UsageProblem(
                    f"there is no node called {name!r}",
                    object=f"Node {name}",
                    hint=f"did you mean {close[0]}?" if close else "the inventory's nodes: kubectl get nodes",
                )
            )
    if problems:
        raise Problems("some nodes are not in the inventory", tuple(problems))
