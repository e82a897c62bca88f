"""Facts that the user knows better: a file of their own that goes over what ships and what was installed."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.knowledge.products import Product
from shipkeeper.knowledge.quirks import Kind, Quirk
from shipkeeper.knowledge.removals import Removal
from shipkeeper.knowledge.sources import YEAR, Source
from shipkeeper.knowledge.support import Cycle, Policy, ProductSupport

SOURCE = "own"
"""The name that the source of all own facts has among the others."""


class OwnLine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A release line. Dates are YYYY-MM-DD."""

    line: str
    released: str = ""
    eoas: str = ""
    """End of active support."""
    eol: str = ""
    """End of life."""
    latest: str = ""
    latest_released: str = ""
    extended: str = ""
    """End of extended support."""


class OwnSupport(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known better of a product's support: lines replace those of the same name, a rule replaces the rule."""

    product: str
    lines: tuple[OwnLine, ...] = ()
    rule: str = ""
    """What holds where no date is given, in a sentence."""
    newest: int = 0
    """So many of the newest lines are supported by that rule."""
    grace_days: int = 0
    retired: str = ""
    remark: str = ""


class OwnQuirk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something to refuse, to do or to know; of the same id as a known one: instead of it."""

    id: str
    product: str
    kind: Kind
    what: str
    consequence: str = ""
    step: str = ""
    versions: tuple[str, ...] = ()
    since: str = ""
    before: str = ""
    crosses: tuple[str, ...] = ()
    upgrade: bool = False


class OwnRemoval(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An API that goes in a minor of Kubernetes; of the same kind as a known one: instead of it."""

    api: str
    """``example.org/v1beta1``."""
    kind: str
    removed: str
    resource: str = ""
    deprecated: str = ""
    replacement: str = ""
    replacement_kind: str = ""


class OwnFacts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file. ``source`` and ``retrieved`` say who or what told these facts, and when."""

    source: str
    retrieved: str
    format: int = 1
    shelf_days: int = YEAR
    products: tuple[Product, ...] = ()
    support: tuple[OwnSupport, ...] = ()
    quirks: tuple[OwnQuirk, ...] = ()
    removals: tuple[OwnRemoval, ...] = ()

    def cited(self) -> Source:
        """Where these facts are from."""
        return Source(title=self.source, retrieved=self.retrieved, shelf_days=self.shelf_days)


def support_rows(facts: OwnFacts) -> tuple[ProductSupport, ...]:
    """The user's support dates as the others are kept."""
    return tuple(
        ProductSupport(
            id=row.product,
            source=SOURCE,
            cycles=tuple(
                Cycle(
                    name=line.line,
                    released=line.released,
                    eoas=line.eoas,
                    eol=line.eol,
                    latest=line.latest,
                    latest_released=line.latest_released,
                    source=SOURCE,
                    extended=line.extended,
                )
                for line in row.lines
            ),
            policy=Policy(row.rule, SOURCE, row.newest, row.grace_days) if row.rule or row.newest else None,
            retired=row.retired,
            remark=row.remark,
        )
        for row in facts.support
    )


def quirk_rows(facts: OwnFacts) -> tuple[Quirk, ...]:
    """The user's quirks as the others are kept."""
    return tuple(
        Quirk(
            id=row.id,
            product=row.product,
            kind=row.kind,
            what=row.what,
            consequence=row.consequence,
            step=row.step,
            source=SOURCE,
            versions=row.versions,
            since=row.since,
            before=row.before,
            crosses=row.crosses,
            upgrade=row.upgrade,
        )
        for row in facts.quirks
    )


def removal_rows(facts: OwnFacts) -> tuple[Removal, ...]:
    """The user's removals as the others are kept."""
    return tuple(
        Removal(
            api_version=row.api,
            kind=row.kind,
            plural=row.resource,
            introduced="",
            deprecated=row.deprecated,
            removed=row.removed,
            replacement=row.replacement,
            replacement_kind=row.replacement_kind or (row.kind if row.replacement else ""),
            replacement_since="",
            basis=SOURCE,
        )
        for row in facts.removals
    )
