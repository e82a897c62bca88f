"""How paths, notes and standings look: on a screen, and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from shipkeeper.app.upgrade import Upgrade
from shipkeeper.cli.columns import say, show_columns
from shipkeeper.cli.output import markdown_table
from shipkeeper.model.hops import KubernetesHop
from shipkeeper.model.notes import HopNotes, MigrationDocument, SectionKind
from shipkeeper.model.paths import Hop
from shipkeeper.semantics.notes.readiness import HopReady

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN: tuple[tuple[SectionKind, str], ...] = (
    ("security", "SECURITY"),
    ("administrator", "FOR PLATFORM ADMINISTRATORS"),
    ("developer", "FOR APPLICATION DEVELOPERS"),
    ("breaking", "BREAKING, REMOVED, DEPRECATED"),
    ("highlight", "HIGHLIGHTS"),
    ("change", "CHANGES"),
)
_MOST = 8
_NAMED = 4
_HEADS = ("HOP", "TO", "KIND", "RELEASED", "WHY")


def print_path(console: Console, found: Upgrade) -> None:
    """The path, hop by hop, and below it everything that a person should look at."""
    path = found.path
    console.print(f"{path.component} {path.from_version} → {path.to_version} by {path.policy}", markup=False)
    say(console, "  rule   ", path.rule)
    for source in path.sources:
        say(console, "  source ", source)
    say(console, "  known  ", path.releases)
    if not path.hops:
        console.print("\nAlready there: no hop.")
    else:
        console.print()
        rows = [[str(n), hop.to_version, hop.kind, hop.released, hop.why] for n, hop in enumerate(path.hops, start=1)]
        show_columns(console, _HEADS, rows, whole=(0, 1, 2, 3), last_below=True)
    _list(console, "Look at", [f"hop {n}: {text}" for n, hop in enumerate(path.hops, 1) for text in hop_words(hop)])
    _list(console, "May be left out", [f"{hop.to_version}: {hop.may_skip}" for hop in path.hops if hop.may_skip])
    _list(console, "Passed over", passed_words(path.hops))
    would = [f"{hop.to_version}: {', '.join(hop.alternatives)}" for hop in path.hops if hop.alternatives]
    _list(console, "Would do as well", would)
    ways = [*path.alternatives, *found.others]
    _list(console, "Other ways", [f"{way.by}: {', '.join(way.stops) or 'none'}. {way.why}" for way in ways])
    _list(console, "Known of this way", known_words(found))
    _list(console, "Remarks", path.remarks)
    for step in found.kubernetes:
        _list(console, f"Kubernetes {step.from_version} → {step.to_version}", kubernetes_words(step))
    if found.kubernetes:
        _list(console, "Order on each hop of Kubernetes", found.kubernetes[0].order)
    _list(console, "CRDs in the way", [f"{item.text}. {item.fix}" for item in found.crds])
    _list(console, "The stops you named break the rule", [f"{item.rule}: {item.text}" for item in found.broken])


def path_markdown(found: Upgrade) -> str:
    """The path for a pull request."""
    path = found.path
    parts = [
        f"# {path.component}: {path.from_version} → {path.to_version}",
        f"Policy `{path.policy}`: {path.rule}",
        "Sources: " + "; ".join(path.sources) + f". Releases: {path.releases}.",
        markdown_table(
            ["hop", "to", "kind", "released", "why", "look at"],
            [
                [str(n), hop.to_version, hop.kind, hop.released, hop.why, "; ".join(hop_words(hop))]
                for n, hop in enumerate(path.hops, start=1)
            ],
        )
        if path.hops
        else "Already there: no hop.",
    ]
    sections = [
        ("Passed over", passed_words(path.hops)),
        (
            "Other ways",
            [f"{w.by}: {', '.join(w.stops) or 'none'}. {w.why}" for w in (*path.alternatives, *found.others)],
        ),
        ("Known of this way", known_words(found)),
        ("Remarks", path.remarks),
        *((f"Kubernetes {hop.from_version} → {hop.to_version}", kubernetes_words(hop)) for hop in found.kubernetes),
        ("Order on each hop of Kubernetes", found.kubernetes[0].order if found.kubernetes else ()),
        ("CRDs in the way", [f"{item.text}. {item.fix}" for item in found.crds]),
        ("The stops named break the rule", [f"{item.rule}: {item.text}" for item in found.broken]),
    ]
    parts += [_bullets(title, items) for title, items in sections if items]
    return "\n\n".join(parts)


def known_words(found: Upgrade) -> list[str]:
    """What is known to go wrong on the way, versions to refuse first."""
    hits = [
        *(k for k in found.known if k.quirk.kind == "refuse"),
        *(k for k in found.known if k.quirk.kind != "refuse"),
    ]
    said = []
    for item in hits:
        quirk = item.quirk
        mark = "DO NOT GO THERE: " if quirk.kind == "refuse" else ""
        said.append(
            f"{item.hop}: {mark}{quirk.what}. Else {quirk.consequence}. {quirk.step[:1].upper()}{quirk.step[1:]}."
        )
    return said


def hop_words(hop: Hop) -> list[str]:
    """What of a hop a person should look at, in sentences."""
    return [flag.text for flag in hop.flags]


def passed_words(hops: Sequence[Hop]) -> list[str]:
    """Releases passed over, those with the same reason together."""
    found: dict[tuple[str, str], list[str]] = {}
    for hop in hops:
        for item in hop.skipped:
            found.setdefault((hop.to_version, item.why), []).append(item.version)
    return [f"{', '.join(versions)}: {why}" for (_, why), versions in found.items()]


def kubernetes_words(hop: KubernetesHop) -> list[str]:
    """What a hop of Kubernetes asks for, in sentences."""
    said = [f"mend first: {problem}" for problem in hop.problems]
    first: dict[tuple[str, str, str, str], list[str]] = {}
    for item in hop.first:
        first.setdefault((item.component, item.version, item.to, item.why), []).append(item.node)
    for (component, version, to, why), nodes in first.items():
        on = f" of {_few(nodes)}" if any(nodes) else ""
        said.append(f"first {component}{on}: {version} → {to}, because {why}")
    said.append(f"kubectl {hop.kubectl} may be used with it")
    if hop.kubelets_may_wait:
        said.append(f"kubelets that may stay as they are over this hop: {_few(hop.kubelets_may_wait)}")
    for api in hop.removed:
        if api.used == "yes":
            instead = f"; use {api.replacement} instead" if api.replacement else ""
            said.append(f"removes {api.api} {api.kind}, IN USE by {', '.join(api.by)}{instead}")
    for used, words in (("unknown", "whose use is not known"), ("no", "that nothing was seen to use")):
        found = [f"{api.api} {api.kind}" for api in hop.removed if api.used == used]
        if found:
            said.append(f"removes {len(found)} APIs {words}: {', '.join(found)}")
    said.extend(item.text for item in hop.out_of_range)
    said.extend(f"not known: {text}" for text in hop.unknown)
    return said


def _few(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def print_notes(console: Console, notes: Sequence[HopNotes], stand: Sequence[HopReady], whole: bool) -> None:
    """What to read before each hop, the most important first."""
    for hop, ready in zip(notes, stand, strict=True):
        console.rule(f"{hop.component} {hop.from_version} → {hop.to_version}", align="left", characters="-")
        say(console, "  stands ", f"{ready.state}: {ready.reason}")
        say(console, "  read   ", f"{hop.source}, {hop.digest or 'nothing'}")
        for kind, title in _SHOWN:
            items = hop.of_kind(kind)
            shown = items if whole or kind not in ("change", "highlight") else items[:_MOST]
            _list(console, title, [f"{version}: {text}" for version, text in shown])
            if len(shown) < len(items):
                console.print(f"  … {len(items) - len(shown)} more: --whole shows them")
        for document in hop.migrations:
            _list(console, f"MIGRATION {document.folder} at {document.read_at}", migration_words(document))
            if whole:
                console.print(document.text, markup=False, soft_wrap=True)
        if hop.migration == "none":
            say(console, "  ", "No migration document at its tag: dry run first, then apply.")
        _list(console, "NOT KNOWN", hop.unknown)
        for note in hop.notes:
            if note.state == "unparsed":
                console.print(f"\n{note.path} as it is, for {note.version}:\n{note.text}", markup=False, soft_wrap=True)
        console.print()


def notes_markdown(notes: Sequence[HopNotes], stand: Sequence[HopReady]) -> str:
    """Everything there is to read, whole."""
    parts = []
    for hop, ready in zip(notes, stand, strict=True):
        parts.append(f"# {hop.component}: {hop.from_version} → {hop.to_version}")
        parts.append(f"{ready.state}: {ready.reason}. Read from {hop.source}, `{hop.digest or 'nothing'}`.")
        for kind, title in _SHOWN:
            items = [f"{version}: {text}" for version, text in hop.of_kind(kind)]
            if items:
                parts.append(_bullets(title.capitalize(), items, 2))
        parts += [_bullets(f"Migration `{d.folder}` at `{d.read_at}`", migration_words(d), 2) for d in hop.migrations]
        if hop.migration == "none":
            parts.append("No migration document at its tag: dry run first, then apply.")
        if hop.unknown:
            parts.append(_bullets("Not known", hop.unknown, 2))
        parts += [f"## {n.path} as it is, for {n.version}\n\n{n.text}" for n in hop.notes if n.state == "unparsed"]
    return "\n\n".join(parts)


def migration_words(document: MigrationDocument) -> list[str]:
    """A migration folder in sentences."""
    fits = "" if document.fit == "exact" else f"written for {document.written_for}, a neighbour of this hop"
    said = [fits] if fits else []
    if document.only_from:
        said.append(f"only supported from {', '.join(document.only_from)}")
    said.extend(f"tick: {box}" for box in document.checklist)
    for step in document.steps:
        marks = [*step.risks, *([] if step.executable else ["not executable"])]
        said.append(f"{step.phase}: {step.name}" + (f" ({', '.join(marks)})" if marks else ""))
    said.extend(f"look at: {problem}" for problem in document.problems)
    return said or ["it has nothing in it"]


def print_ready(console: Console, stand: Sequence[HopReady]) -> None:
    """How each hop stands."""
    rows = [[f"{item.from_version} → {item.to_version}", item.state, item.reason] for item in stand]
    if not rows:
        console.print("Already there: no hop.")
        return
    show_columns(console, ("HOP", "STANDS", "WHY"), rows, whole=(0, 1), last_below=True)
    problems = [f"{p.id} {p.state}: {p.text} (found by {p.by})" for item in stand for p in item.problems]
    _list(console, "Problems", problems)


def ready_markdown(stand: Sequence[HopReady]) -> str:
    """How each hop stands, as a table."""
    rows = [[f"{item.from_version} → {item.to_version}", item.state, item.reason] for item in stand]
    return markdown_table(["hop", "stands", "why"], rows)


def _list(console: Console, title: str, items: Iterable[str]) -> None:
    kept = list(items)
    if kept:
        console.print(f"\n{title}", style="bold", markup=False)
        for item in kept:
            say(console, "  · ", item)


def _bullets(title: str, items: Iterable[str], level: int = 2) -> str:
    lines = ["- " + item.replace("\n", "\n  ") for item in items]
    return "\n".join([f"{'#' * level} {title}", "", *lines])
