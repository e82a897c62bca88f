"""Boxes of a checklist about the platform on top of Kubernetes: releases, Flux, backups, changes, certificates, hosts.

Answers as in ``boxes``. Where something could not be read the answer is unknown, unless what was read is bad already.
"""

from __future__ import annotations

from shipkeeper.assessment.backups import judge_backups
from shipkeeper.evidence.boxes import Answer, names
from shipkeeper.evidence.words import clean
from shipkeeper.model.facts import NodeFacts
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.operands import Certificate
from shipkeeper.model.plan import Plan
from shipkeeper.model.refs import ObjectRef
from shipkeeper.model.releases import FluxObject, Release
from shipkeeper.model.time import iso
from shipkeeper.model.words import count

_RUNNERS = ("HelmRelease", "Kustomization")


def gaps(inventory: Inventory, *fields: str) -> str:
    """Why parts of these fields could not be read, in words; empty when all was."""
    missing = [gap for field in fields for gap in inventory.missing_in(field)]
    if "releases" in fields:  # their records lie in every namespace
        missing += [gap for gap in inventory.cluster_missing if gap.what == "other-namespaces"]
    found = [f"{gap.what}: {gap.why}" for gap in missing]
    return clean("; ".join(dict.fromkeys(found[:3])))


def releases_well(inventory: Inventory, before: Inventory | None = None) -> Answer:
    """Every Helm release is deployed; one that was not before is named and does not fail the box after."""
    known = {_release(one) for one in (before.releases if before is not None else ()) if one.status != "deployed"}
    bad = [one for one in inventory.releases if one.status not in ("deployed", "unknown")]
    new = [f"{_release(one)} is {one.status}" for one in bad if _release(one) not in known]
    old = [f"{_release(one)} is {one.status}" for one in bad if _release(one) in known]
    if new:
        return "failed", f"{len(new)} of {count(len(inventory.releases), 'release')}: {names(new)}"
    silent = [_release(one) for one in inventory.releases if one.status == "unknown"]
    if why := gaps(inventory, "releases"):
        return "unknown", f"not all could be read: {why}"
    if silent:
        return "unknown", f"what became of them is not told: {names(silent)}"
    if not inventory.releases:
        return "not-applicable", "there is no Helm release here"
    as_before = f"; as before: {names(old)}" if old else ""
    well = len(inventory.releases) - len(old)
    return "done", f"{well} of {count(len(inventory.releases), 'release')} deployed{as_before}"


def flux_well(inventory: Inventory, before: Inventory | None = None) -> Answer:
    """Every Flux object is Ready on its newest spec; what is suspended is for a person to judge."""
    earlier = before.flux if before is not None else ()
    known = {str(one.ref) for one in earlier if _flux_fault(one)}
    rested = {one.ref for one in earlier if one.suspended}
    faults = [(one, fault) for one in inventory.flux if (fault := _flux_fault(one))]
    new = [f"{one.ref} {fault}" for one, fault in faults if str(one.ref) not in known]
    old = [f"{one.ref} {fault}" for one, fault in faults if str(one.ref) in known]
    if new:
        return "failed", f"{len(new)} of {count(len(inventory.flux), 'object')}: {names(new)}"
    if why := gaps(inventory, "flux"):
        return "unknown", f"not all could be read: {why}"
    if not inventory.flux:
        return "not-applicable", "there is no Flux object here"
    suspended = [str(one.ref) for one in inventory.flux if one.suspended and one.ref not in rested]
    if suspended:
        return "open", f"{len(suspended)} suspended, are they meant to be? {names(suspended)}"
    old += [f"{one.ref} is suspended" for one in inventory.flux if one.suspended]
    as_before = f"; as before: {names(old)}" if old else ""
    return "done", f"{len(inventory.flux) - len(old)} of {count(len(inventory.flux), 'object')} Ready{as_before}"


def changes_pending(inventory: Inventory, looked_at_updates: bool) -> Answer:
    """What waits to be applied: proposed updates, and revisions that Flux has seen and not applied.

    What else people have in hand (merge requests, changes made by hand) no cluster tells, so a person has the last
    word unless both the repositories and Flux were looked at and nothing waits.
    """
    waiting = [f"{one.dependency} {one.current} → {one.proposed}".replace("  ", " ") for one in inventory.updates]
    fetched = {one.ref: one.last_applied for one in inventory.flux if one.kind not in _RUNNERS}
    drift = [f"{one.ref}: {behind}" for one in inventory.flux if (behind := _behind(one, fetched))]
    said = []
    if waiting:
        said.append(f"{count(len(waiting), 'proposed update')}: {names(waiting)}")
    if drift:
        said.append(f"{len(drift)} not applied: {names(drift)}")
    if said:
        return "open", "; ".join(said)
    runners = [one for one in inventory.flux if one.kind in _RUNNERS]
    if looked_at_updates and runners and not gaps(inventory, "flux"):
        return "done", f"no proposed update; {count(len(runners), 'Flux object')} applied what they last fetched"
    unseen = [] if looked_at_updates else ["no repository with proposed updates was read (sources: updates:)"]
    if not runners or gaps(inventory, "flux"):
        unseen.append("nothing tells what Flux applies" if gaps(inventory, "flux") else "there is no Flux here to ask")
    return "open", "; ".join(unseen)


def backups_recent(inventory: Inventory, rpo: str) -> Answer:
    """The newest backup of every schedule and database is complete and young enough, as of the inventory."""
    verdict = judge_backups(inventory, rpo, inventory.taken_ms)
    return {"fresh": "done", "stale": "failed", "unknown": "unknown"}[verdict.state], clean(verdict.reading)


def certificates_last(inventory: Inventory, until_ms: int) -> Answer:
    """Every certificate is issued and outlasts that moment, or is renewed in time by cert-manager."""
    now = inventory.taken_ms
    wrong = [f"{one.namespace}/{one.name} {fault}" for one in inventory.certificates if (fault := _ends(one, now))]
    short = [
        f"{one.namespace}/{one.name} ends {iso(one.not_after_ms)[:10]}"
        for one in inventory.certificates
        if not _ends(one, now) and 0 < one.not_after_ms <= until_ms and not now < one.renewal_ms < one.not_after_ms
    ]
    if wrong or short:
        return "failed", names([*wrong, *short])
    if why := gaps(inventory, "certificates"):
        return "unknown", f"not all could be read: {why}"
    if not inventory.certificates:
        return "not-applicable", "there is no Certificate of cert-manager here"
    return (
        "done",
        f"{count(len(inventory.certificates), 'certificate')} outlast {iso(until_ms)[:10]}, or are renewed before",
    )


def hosts_updated(inventory: Inventory, plan: Plan) -> Answer:
    """Before: whether a reboot of the planned nodes brings their updates, or these have to be installed first."""
    facts = _facts(inventory, plan)
    silent = [node.name for node in plan.nodes if _pending(facts.get(node.name)) is None]
    by_hand = [
        f"{node.name}: {_pending(fact)} pending"
        for node in plan.nodes
        if (fact := facts.get(node.name)) is not None and _pending(fact) and fact.automatic_security is not True
    ]
    if by_hand:
        return "open", f"{len(by_hand)} do not install by themselves, and a reboot alone does not: {names(by_hand)}"
    if silent:
        return "open", f"no facts tell what waits on {names(silent)} (survey --facts)"
    wants = [node.name for node in plan.nodes if facts[node.name].reboot_required]
    asked = f"{len(wants)} of them want a reboot" if wants else "none of them asks for a reboot"
    return "done", f"{count(len(plan.nodes), 'planned node')}: updates are installed or install by themselves; {asked}"


def hosts_current(inventory: Inventory, plan: Plan) -> Answer:
    """After: no planned node still wants a reboot, waits for a security update, or runs another kernel than it has."""
    facts = _facts(inventory, plan)
    wrong = [f"{name} still wants a reboot" for name, fact in facts.items() if fact.reboot_required]
    wrong += [
        f"{name}: {fact.pending_security} security updates" for name, fact in facts.items() if fact.pending_security
    ]
    if wrong:
        return "failed", names(wrong)
    older = [
        f"{name} runs {fact.kernel_running}, and {fact.kernel_installed} is installed"
        for name, fact in facts.items()
        if fact.kernel_waits
    ]
    if older:
        return "open", f"{names(older)}: was another kernel expected?"
    known = [name for name, fact in facts.items() if fact.reboot_required is False]
    if len(known) < len(plan.nodes):
        silent = [node.name for node in plan.nodes if node.name not in known]
        return "open", f"no facts tell of {names(silent)} (survey --facts)"
    return "done", f"{count(len(known), 'planned node')}: no reboot and no security update waits"


def _release(one: Release) -> str:
    return f"{one.namespace}/{one.name}"


def _flux_fault(one: FluxObject) -> str:
    if one.suspended:
        return ""
    if one.stalled:
        return f"is stalled ({one.stalled_reason or one.reason or 'no reason given'})"
    if one.ready == "False":
        return f"is not Ready ({one.reason or 'no reason given'})"
    if not one.current or one.ready != "True":
        return "has not come to rest on its newest spec"
    return ""


def _behind(one: FluxObject, fetched: dict[ObjectRef, str]) -> str:
    """What a HelmRelease or Kustomization has seen, or its source has fetched, and it has not applied."""
    if one.kind not in _RUNNERS:
        return ""
    newest = one.last_attempted
    if one.kind == "Kustomization" and one.source is not None:
        newest = fetched.get(one.source, "") or newest
    if not newest or newest == one.last_applied:
        return ""
    return f"{one.last_applied or 'nothing'} applied, {newest} seen"


def _ends(one: Certificate, now_ms: int) -> str:
    if one.ready == "False":
        return f"is not Ready ({one.reason or 'no reason given'})"
    if one.failed_attempts:
        return f"failed to renew {one.failed_attempts}×"
    if 0 < one.not_after_ms <= now_ms:
        return "is over"
    return "should have been renewed" if 0 < one.renewal_ms <= now_ms else ""


def _facts(inventory: Inventory, plan: Plan) -> dict[str, NodeFacts]:
    planned = {node.name for node in plan.nodes}
    return {fact.node: fact for fact in inventory.node_facts if fact.node in planned}


def _pending(fact: NodeFacts | None) -> int | None:
    """How many security updates wait, else how many updates at all; None: nothing tells."""
    if fact is None:
        return None
    return fact.pending_security if fact.pending_security is not None else fact.pending_updates
