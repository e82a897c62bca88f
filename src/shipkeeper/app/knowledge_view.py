"""What is known, for people to look at: the sections with their age, and everything about one product."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from shipkeeper.app.knowledge import find_installed, installed_path
from shipkeeper.app.state import State
from shipkeeper.knowledge.exploited import SHELF_DAYS
from shipkeeper.knowledge.library import EXPLOITED, Knowledge, issued_on
from shipkeeper.knowledge.paths import cite, path_policy, policies_of
from shipkeeper.knowledge.products import Product
from shipkeeper.knowledge.quirks import Quirk, QuirkHit
from shipkeeper.knowledge.sources import Source
from shipkeeper.knowledge.support import Support
from shipkeeper.model.errors import UsageProblem
from shipkeeper.model.record import Record


class SectionView(Record, frozen=True, kw_only=True):
    """A section. ``origin``: shipped, installed, given, or none. Days are YYYY-MM-DD."""

    name: str
    facts: int
    issued: str
    origin: str
    oldest_source: str
    """The day on which the source that was read longest ago was read."""
    stale: tuple[str, ...]
    """Sources past their shelf life."""


class KnowledgeView(Record, frozen=True, kw_only=True):
    """Everything at a glance. ``installed``: the file of an update, empty where there is none."""

    sections: tuple[SectionView, ...]
    installed: str
    installed_issued: str
    installed_key: str
    own: str
    """The user's own file, empty where there is none."""
    products: tuple[str, ...]


class ProductView(Record, frozen=True, kw_only=True):
    """Everything known of one product."""

    id: str
    name: str
    level: str
    scheme: str
    note: str
    recognised_by: dict[str, tuple[str, ...]]
    path_policies: tuple[str, ...]
    """Ids, the one that holds by default first."""
    path_rule: str
    path_sources: tuple[str, ...]
    rule: str
    """What holds for release lines without a published date."""
    remark: str
    lines: tuple[Support, ...]
    quirks: tuple[Quirk, ...]
    version: str = ""
    support: Support | None = None
    """Of the version asked about."""
    hits: tuple[QuirkHit, ...] = ()
    """What concerns the version asked about, and the way to the target."""


def overview(known: Knowledge, state: State, on: date) -> KnowledgeView:
    """The sections, where they are from and how old they are."""
    installed = find_installed(state)
    counted: tuple[tuple[str, int, Iterable[Source]], ...] = (
        ("products", len(known.products.rows), ()),
        ("support", len(known.support.products()), known.support.sources().values()),
        ("removals", len(known.removals.rows), (known.removals.source,)),
        ("quirks", len(known.quirks.rows), known.quirks.sources().values()),
    )
    sections = [_section(known, name, facts, tuple(sources), on) for name, facts, sources in counted]
    return KnowledgeView(
        sections=(*sections, _exploited(known, on)),
        installed=str(installed_path(state)) if installed is not None else "",
        installed_issued=installed.manifest.issued if installed is not None else "",
        installed_key=installed.signature.key_id if installed is not None and installed.signature else "",
        own=known.own_from,
        products=tuple(row.id for row in known.products.rows),
    )


def product_view(known: Knowledge, text: str, on: date, version: str = "", target: str = "") -> ProductView:
    """Everything known of a product, by its id, name or chart. Raises UsageProblem for one that is not known."""
    product = known.products.find(text)
    if product is None:
        raise UsageProblem(
            f"no product is called {text!r} here",
            code="unknown-product",
            object=text,
            hint="list them with: shipkeeper knowledge show; your own go into the file that sources.knowledge names",
        )
    row = known.support.row(product.id)
    like = known.support.row(row.like) if row is not None and row.like else row
    cycles = known.support.cycles(product.id)
    policy = path_policy(product.path) if product.path else None
    return ProductView(
        id=product.id,
        name=product.name,
        level=product.level,
        scheme=product.scheme,
        note=product.note,
        recognised_by=_recognised(product),
        path_policies=tuple(item.id for item in policies_of(product.id)) or ((policy.id,) if policy else ()),
        path_rule=policy.rule if policy else "",
        path_sources=cite(policy) if policy else (),
        rule=like.policy.text if like is not None and like.policy is not None else "",
        remark=row.remark if row is not None else "",
        lines=tuple(known.support_of(product.id, line.name, on) for line in cycles),
        quirks=known.quirks.of(product.id),
        version=version,
        support=known.support_of(product.id, version, on) if version else None,
        hits=known.quirks_for(product.id, version, target) if version or target else (),
    )


def _recognised(product: Product) -> dict[str, tuple[str, ...]]:
    ways: Mapping[str, tuple[str, ...]] = {
        "images": product.images,
        "imageNames": product.names,
        "charts": product.charts,
        "apiGroups": product.crds,
        "node": (product.node,) if product.node else (),
    }
    return {way: names for way, names in ways.items() if names}


def _section(known: Knowledge, name: str, facts: int, sources: Sequence[Source], on: date) -> SectionView:
    read = sorted((source.retrieved, source.title) for source in sources)
    return SectionView(
        name=name,
        facts=facts,
        issued=issued_on(known.section(name)[0]),
        origin="installed" if known.is_installed(name) else "shipped",
        oldest_source=read[0][0] if read else "",
        stale=tuple(sorted(source.title for source in sources if source.is_stale(on))),
    )


def _exploited(known: Knowledge, on: date) -> SectionView:
    catalogue = known.exploited
    old = bool(catalogue.released) and (on - date.fromisoformat(catalogue.released)).days > SHELF_DAYS
    origin = "none"
    if catalogue.released:
        origin = "installed" if known.is_installed(EXPLOITED) and not known.has_own_catalogue else "given"
    return SectionView(
        name=EXPLOITED,
        facts=len(catalogue),
        issued=catalogue.released,
        origin=origin,
        oldest_source=catalogue.released,
        stale=(catalogue.title,) if old else (),
    )
