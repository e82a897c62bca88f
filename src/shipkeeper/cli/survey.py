"""``shipkeeper survey``: read what really runs, and say what could not be read."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

import click
import msgspec

from shipkeeper.app.inventory_diff import InventoryDiff, diff
from shipkeeper.app.inventory_file import save
from shipkeeper.app.sources import source_of
from shipkeeper.app.survey import load_inventory, read_inventory, with_facts
from shipkeeper.app.updates import with_updates
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.options import output_option, source_options
from shipkeeper.cli.output import emit, hint, markdown_table
from shipkeeper.cli.survey_plain import camel, platform
from shipkeeper.cli.survey_platform import sections, versions
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.time import iso

if TYPE_CHECKING:
    from rich.console import Console

_WORDS = {
    "nodes": "nodes",
    "pods": "pods",
    "workloads": "workloads",
    "budgets": "disruption budgets",
    "claims": "volume claims",
    "volumes": "volumes",
    "attachments": "volume attachments",
    "csiNodes": "nodes with storage drivers",
    "storageClasses": "storage classes",
    "priorityClasses": "priority classes",
    "quotas": "quotas",
    "limitRanges": "limit ranges",
    "webhooks": "webhooks",
    "apiServices": "aggregated APIs",
    "services": "services",
    "endpointSlices": "endpoint slices",
    "autoscalers": "autoscalers",
    "leases": "leases",
    "namespaces": "namespaces",
    "releases": "Helm releases",
    "flux": "Flux objects",
    "crds": "custom resource definitions",
    "backups": "backups",
    "backupSchedules": "backup schedules",
    "backupLocations": "backup locations",
    "databaseClusters": "database clusters",
    "identityServers": "identity servers",
    "realmImports": "realm imports",
    "certificates": "certificates",
    "policies": "policies",
    "policyExceptions": "policy exceptions",
    "vulnerabilityReports": "vulnerability reports",
    "images": "images",
    "controlPlane": "control-plane components",
    "deprecatedRequests": "deprecated APIs in use",
    "updates": "proposed updates",
}
_MOST_LINES = 40
_LABEL = 9
_PLATFORM_LABEL = 14


@click.command("survey")
@source_options
@click.option(
    "--save", "save_path", metavar="FILE", help="Keep the inventory in a file, for every other verb's --from."
)
@click.option(
    "--facts",
    "facts_path",
    metavar="PATH",
    help="Facts of the nodes' operating systems: Ansible's fact cache, or what deploy/facts/node-facts printed.",
)
@click.option(
    "--updates",
    "update_folders",
    multiple=True,
    metavar="REPO",
    help="A git checkout or bare repository with Renovate's branches: updates that wait. May be repeated.",
)
@click.option("--diff", "other", metavar="OTHER", help="Tell what changed since that inventory or dump.")
@output_option()
def command(
    from_path: str | None,
    context: str | None,
    kubeconfig: str | None,
    save_path: str | None,
    facts_path: str | None,
    update_folders: tuple[str, ...],
    other: str | None,
    output: str,
) -> None:
    """Read what really runs, from a cluster (--context) or from a saved inventory or dump (--from).

    A dump is a folder, a .tar, .tar.gz, .tar.xz or .zip, or one JSON or YAML file: an OpenShift must-gather, a
    troubleshoot.sh support bundle, a kubectl cluster-info dump, or what kubectl get -o json|yaml wrote.
    """
    inventory = read_inventory(source_of(from_path, context, kubeconfig))
    if facts_path:
        inventory, notes = with_facts(inventory, facts_path)
        for note in notes:
            hint(note)
    if update_folders:
        inventory, notes = with_updates(inventory, update_folders)
        for note in notes:
            hint(note)
    change = diff(load_inventory(other), inventory) if other else None
    if save_path:
        save(inventory, save_path)
        hint(f"saved to {save_path}; use it with --from {shlex.quote(save_path)}")
    emit(
        "Inventory",
        payload(inventory, change),
        output,
        lambda console: _draw(console, inventory, change),
        lambda: _markdown(inventory, change),
    )


def payload(inventory: Inventory, change: InventoryDiff | None = None) -> dict[str, Any]:
    """The keys of kind Inventory."""
    identity = inventory.identity
    body: dict[str, Any] = {
        "source": inventory.source,
        "takenAt": iso(inventory.taken_ms),
        "cluster": {"uid": identity.uid, "name": identity.name, "serverVersion": identity.server_version},
        "counts": inventory.counts(),
        "platform": platform(inventory),
        "drainers": list(inventory.drainers),
        "skipped": inventory.skipped,
        "missing": [{**msgspec.to_builtins(item), "field": camel(item.field)} for item in inventory.missing],
    }
    if change is not None:
        body["diff"] = {
            "sameCluster": change.same_cluster,
            "from": iso(change.from_ms),
            "to": iso(change.to_ms),
            "kinds": msgspec.to_builtins(change.kinds),
            "unknown": [camel(field) for field in change.unknown],
        }
    return body


def _draw(console: Console, inventory: Inventory, change: InventoryDiff | None) -> None:
    for line in _head(inventory):
        label = line[:_LABEL] if line[:_LABEL].endswith("  ") else ""
        say(console, label, line[len(label) :])
    console.print()
    for name, count in inventory.counts().items():
        if count:
            console.print(f"{count:>6}  {_WORDS[name]}", markup=False)
    lines = versions(inventory)
    if lines:
        console.print()
    for line in lines:
        label, _, text = line.partition(": ")
        say(console, f"{label}:{' ' * (_PLATFORM_LABEL - len(label))}", text)
    for section in sections(inventory):
        console.print(f"\n{section.title} ({len(section.rows)}):", style="bold")
        show_columns(console, section.heads, section.rows, whole=(0,))
    if inventory.missing:
        console.print(f"\nUnknown, because it could not be read ({len(inventory.missing)}):", style="bold")
        gaps = [[item.what, item.why, item.unknown] for item in inventory.missing]
        show_columns(console, ("WHAT", "WHY", "SO UNKNOWN IS"), gaps)
    if change is not None:
        console.print()
        for line in _changes(change):
            console.print(line, markup=False)


def _head(inventory: Inventory) -> list[str]:
    identity = inventory.identity
    cluster = " ".join(part for part in (identity.name, identity.server_version) if part) or "unknown"
    lines = [
        f"Source   {inventory.source}",
        f"Taken    {iso(inventory.taken_ms)}",
        f"Cluster  {cluster}" + (f" (kube-system {identity.uid})" if identity.uid else ""),
    ]
    not_ready = [node.name for node in inventory.nodes if not node.ready]
    cordoned = [node.name for node in inventory.nodes if node.unschedulable]
    if not_ready:
        lines.append(f"Not Ready: {', '.join(not_ready)}")
    if cordoned:
        lines.append(f"Cordoned: {', '.join(cordoned)}")
    if inventory.drainers:
        lines.append(f"Others that maintain nodes here: {', '.join(inventory.drainers)}")
    if inventory.skipped:
        kinds = ", ".join(f"{kind} {count}" for kind, count in inventory.skipped.items())
        lines.append(f"Seen and not read: {kinds}")
    return lines


def _changes(change: InventoryDiff) -> list[str]:
    lines = [f"Changes from {iso(change.from_ms)} to {iso(change.to_ms)}:"]
    if change.same_cluster is False:
        lines.append("  These are two different clusters (kube-system has another UID).")
    elif change.same_cluster is None:
        lines.append("  Whether both are of one cluster is unknown: one of them does not tell its identity.")
    if not change.kinds:
        lines.append("  none")
    lines.extend(f"  {kind}: unknown, one of the two could not read them" for kind in change.unknown)
    for kind in change.kinds:
        told = [f"+ {name}" for name in kind.added] + [f"- {name}" for name in kind.removed]
        told += [f"~ {item.name}: {', '.join(_field(field) for field in item.fields)}" for item in kind.changed]
        lines.append(f"  {kind.kind}: {len(kind.added)} new, {len(kind.removed)} gone, {len(kind.changed)} changed")
        lines.extend(f"    {line}" for line in told[:_MOST_LINES])
        if len(told) > _MOST_LINES:
            lines.append(f"    and {len(told) - _MOST_LINES} more; -o json lists all")
    return lines


def _field(name: str) -> str:
    """A field's name as a person says it."""
    return name.rpartition(".")[2].replace("_", " ")


def _markdown(inventory: Inventory, change: InventoryDiff | None) -> str:
    parts = ["# Inventory", "", *(f"- {line}" for line in _head(inventory)), ""]
    counts = [[_WORDS[name], str(count)] for name, count in inventory.counts().items()]
    parts.append(markdown_table(["what", "how many"], counts))
    parts += ["", *(f"- {line}" for line in versions(inventory))]
    for section in sections(inventory):
        heads = [head.lower() for head in section.heads]
        parts += ["", f"## {section.title}", "", markdown_table(heads, [list(row) for row in section.rows])]
    if inventory.missing:
        gaps = [[item.what, item.why, item.unknown] for item in inventory.missing]
        parts += ["", "## Could not be read", "", markdown_table(["what", "why", "so unknown is"], gaps)]
    if change is not None:
        parts += ["", "## Changes", "", "```", *_changes(change), "```"]
    return "\n".join(parts)
