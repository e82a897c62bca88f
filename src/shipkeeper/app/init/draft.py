"""What a cluster shows about its platform: whose its namespaces are, which software runs, who else reboots."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from shipkeeper.app.init.questions import Answers
from shipkeeper.assessment.components import Running, components
from shipkeeper.evidence.notices.words import listed
from shipkeeper.knowledge.products import Products
from shipkeeper.model.inventory import Inventory

_CLUSTER = ("default", "kube-node-lease", "kube-public", "kube-system")
_OURS = re.compile(
    r"(kube|openshift|cattle|flux|istio|gatekeeper|cilium|longhorn|rook|metallb|calico)-.+|.+-(system|operator)"
)
"""Namespaces that are called as platforms call theirs."""
_STAGING = re.compile(r"(^|[-_.])(stag(e|ing)?|test|dev|qa|uat|int|sandbox|nonprod|preprod)([-_.\d]|$)")
_PRODUCTION = re.compile(r"(^|[-_.])(prod|production|live|prd)([-_.\d]|$)")


class Part(Struct, frozen=True, kw_only=True):
    """A part of the scope. ``why`` says what it was told from; ``assumed``: a person should look at it."""

    component: str
    namespaces: tuple[str, ...]
    inside: bool
    why: str
    assumed: bool = False

    @property
    def owner(self) -> str:
        """Who is written down as its owner: a namespace of an application is its team's until somebody says more."""
        return "platform team" if self.inside else f"{self.component} team"


class Draft(Struct, frozen=True, kw_only=True):
    """What goes into the file, besides what is the same in all."""

    name: str
    environment: str
    production: bool
    production_why: str
    context: str
    uid: str
    parts: tuple[Part, ...]
    running: tuple[Running, ...]
    drainers: tuple[str, ...]
    answers: Answers
    partial: tuple[str, ...] = ()
    """What could not be read, so that something may be missing."""


def draft(inventory: Inventory, products: Products, answers: Answers, context: str) -> Draft:
    """Read the inventory for a platform file."""
    name = inventory.identity.name or context or "platform"
    production, why = _production(answers, name)
    running = components(inventory, products)
    return Draft(
        name=_slug(name),
        environment=answers.environment or ("production" if production else "staging"),
        production=production,
        production_why=why,
        context=context,
        uid=inventory.identity.uid,
        parts=_parts(inventory, products, running),
        running=running,
        drainers=inventory.drainers,
        answers=answers,
        partial=tuple(f"{item.what}: {item.why}" for item in inventory.missing if item.what in _TELLING),
    )


_TELLING = ("namespaces", "pods", "deployments", "statefulsets", "daemonsets", "releases", "other-namespaces")
"""What cannot be read leaves parts of the scope unseen."""


def _production(answers: Answers, name: str) -> tuple[bool, str]:
    if answers.production:
        return answers.production == "yes", ""
    if _STAGING.search(name.lower()):
        return False, f"by its name, {name}"
    if _PRODUCTION.search(name.lower()):
        return True, f"by its name, {name}"
    return True, "nobody said: the careful rules hold"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "platform"


def _parts(inventory: Inventory, products: Products, running: Sequence[Running]) -> tuple[Part, ...]:
    """The cluster itself; a part for each set of products; and what is nobody's known product outside."""
    present = sorted({n.name for n in inventory.namespaces} | set(_used(inventory)))
    where: dict[str, list[str]] = {}
    for one in running:
        for space in one.namespaces:
            where.setdefault(space, []).append(one.name)
    shares = _recognised_share(inventory, products)
    parts = [
        Part(
            component="Kubernetes and its nodes",
            namespaces=tuple(name for name in present if name in _CLUSTER),
            inside=True,
            why="every cluster has them",
        )
    ]
    groups: dict[str, list[str]] = {}
    ours, theirs = [], []
    for space in (name for name in present if name not in _CLUSTER):
        named = sorted(set(where.get(space, ())))
        if named and (shares.get(space, 0.0) >= 0.5 or _OURS.fullmatch(space)):
            groups.setdefault(listed(named), []).append(space)
        elif _OURS.fullmatch(space):
            ours.append(space)
        else:
            theirs.append(space)
    for title, spaces in sorted(groups.items()):
        parts.append(Part(component=title, namespaces=tuple(spaces), inside=True, why="recognised by its images"))
    if ours:
        parts.append(
            Part(
                component="other platform namespaces", namespaces=tuple(ours), inside=True, assumed=True,
                why="by their names only: nothing in them was recognised",
            )
        )  # fmt: skip
    parts += [
        Part(
            component=space, namespaces=(space,), inside=False, assumed=True,
            why="no platform software was recognised in it; called after its namespace",
        )
        for space in theirs
    ]  # fmt: skip
    return tuple(parts)


def _used(inventory: Inventory) -> set[str]:
    return {inventory.pods.namespaces[i] for i in set(inventory.pods.columns["namespace"].tolist())}


def _recognised_share(inventory: Inventory, products: Products) -> dict[str, float]:
    """Namespace → how much of its pods' images are known products."""
    columns = inventory.pods.columns
    pairs = set(zip(columns["namespace"].tolist(), columns["shape"].tolist(), strict=True))
    known: dict[str, list[bool]] = {}
    for namespace, shape in pairs:
        images = inventory.pods.shapes[shape].images
        found = any(products.identify_image(image) is not None for image in images)
        known.setdefault(inventory.pods.namespaces[namespace], []).append(found)
    return {space: sum(flags) / len(flags) for space, flags in known.items()}
