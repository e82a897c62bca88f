"""Which software runs, at which versions, and where that was seen: the inventory read with the knowledge's eyes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from shipkeeper.knowledge.products import Product, Products
from shipkeeper.model.errors import BadInput
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.platform import Component
from shipkeeper.model.record import Record
from shipkeeper.model.version import parse_version

SERVER, KUBELET, NODE, IMAGE, CHART, CRDS, DECLARED = "server", "kubelet", "node", "image", "chart", "crds", "declared"


class Sighting(Struct, frozen=True):
    """One place where something told of a product. ``version`` is empty where the place does not tell it."""

    product: str
    version: str
    how: str
    """server | kubelet | node | image | chart | crds | declared."""
    where: str
    """A namespace, or how many nodes."""
    namespace: str = ""
    note: str = ""
    certain: bool = True


class Running(Record, frozen=True, kw_only=True):
    """A product that runs. ``versions`` are all that were seen, oldest first; empty: none could be told."""

    product: str
    name: str
    level: str
    scheme: str
    path: str
    tasks: tuple[str, ...] = ()
    versions: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    """Where each was seen, in words: ``v1.33.4 API server``, ``26.1.0 in keycloak``."""
    notes: tuple[str, ...] = ()
    declared: Component | None = None
    certain: bool = True

    @property
    def oldest(self) -> str:
        """The oldest version that runs: support of a product ends with its oldest part. Empty when none is told."""
        return self.versions[0] if self.versions else ""


def components(
    inventory: Inventory | None, products: Products, declared: Sequence[Component] = ()
) -> tuple[Running, ...]:
    """Every product that runs or is declared, by name."""
    found: dict[str, list[Sighting]] = {}
    for sighting in _sightings(inventory, products):
        found.setdefault(sighting.product, []).append(sighting)
    said = {(one.product or one.name): one for one in declared}
    for id, one in said.items():
        if one.version and one.version not in {s.version for s in found.get(id, ())}:
            found.setdefault(id, []).append(Sighting(id, one.version, DECLARED, "the platform file"))
    made = (_running(products.get(id), id, places, said.get(id)) for id, places in found.items())
    return tuple(sorted(made, key=lambda item: (item.name.lower(), item.product)))


def _running(row: Product | None, id: str, places: list[Sighting], said: Component | None) -> Running:
    scheme = row.scheme if row else "loose"
    if said is not None and said.namespaces:
        # The team says where its own copy runs; another one elsewhere is somebody else's.
        mine = [place for place in places if not place.namespace or place.namespace in said.namespaces]
        places = mine or places
    told = [place for place in places if place.version]
    decisive = [place for place in told if place.how not in (CHART,)] or told
    return Running(
        product=id,
        name=row.name if row else (said.name if said else id),
        level=row.level if row else "platform stack",
        scheme=scheme,
        path=(said.path_policy if said and said.path_policy else (row.path if row else "any")),
        tasks=row.tasks if row else (),
        versions=in_order({place.version for place in decisive}, scheme),
        namespaces=tuple(sorted({place.namespace for place in places if place.namespace})),
        seen=tuple(dict.fromkeys(_words(place) for place in decisive or places)),
        notes=tuple(dict.fromkeys(place.note for place in places if place.note)),
        declared=said,
        certain=any(place.certain for place in places),
    )


def in_order(versions: Iterable[str], scheme: str) -> tuple[str, ...]:
    """Versions from oldest to newest; what is not of the scheme comes first, since nothing says how old it is."""
    readable, other = [], []
    for text in versions:
        try:
            readable.append(parse_version(text, scheme))
        except BadInput:
            other.append(text)
    return (*sorted(other), *(version.text for version in sorted(readable)))


def _words(place: Sighting) -> str:
    return f"{place.version or 'version unknown'} {place.where}"


def _sightings(inventory: Inventory | None, products: Products) -> Iterator[Sighting]:
    if inventory is None:
        return
    yield from _machines(inventory, products)
    yield from _images(inventory, products)
    yield from _charts(inventory, products)
    yield from _operands(inventory)
    for group in sorted({crd.group for crd in inventory.crds}):
        id = products.identify_group(group)
        if id is not None:
            yield Sighting(id, "", CRDS, f"by its CRDs ({group})")


def _machines(inventory: Inventory, products: Products) -> Iterator[Sighting]:
    if inventory.identity.server_version:
        yield Sighting("kubernetes", inventory.identity.server_version, SERVER, "API server")
    for how, texts in (
        (KUBELET, [node.info.kubelet for node in inventory.nodes]),
        (NODE, [node.info.runtime for node in inventory.nodes]),
        (NODE, [node.info.os_image for node in inventory.nodes]),
    ):
        for text in sorted({text for text in texts if text}):
            count = texts.count(text)
            where = f"on {count} node{'s' if count > 1 else ''}"
            if how == KUBELET:
                yield Sighting("kubernetes", text, KUBELET, f"kubelet {where}")
            elif (known := products.identify_node(text)) is not None:
                yield Sighting(known.product, known.version, NODE, where, note=known.note)


def _images(inventory: Inventory, products: Products) -> Iterator[Sighting]:
    for image, namespaces in _image_uses(inventory):
        known = products.identify_image(image)
        if known is None or known.product == "kubernetes":
            continue  # the API server and kubelets say it themselves
        for namespace in namespaces or ("",):
            yield Sighting(
                known.product,
                known.version,
                IMAGE,
                f"in {namespace}" if namespace else "in pods",
                namespace,
                known.note,
                known.certain,
            )


def _image_uses(inventory: Inventory) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(image, namespaces): as the survey counted them, else from the pods' shapes (an older inventory)."""
    if inventory.images:
        for use in inventory.images:
            yield use.image, use.namespaces
        return
    where: dict[str, set[str]] = {}
    columns = inventory.pods.columns
    pairs = set(zip(columns["shape"].tolist(), columns["namespace"].tolist(), strict=True))
    for shape, namespace in pairs:
        for image in inventory.pods.shapes[shape].images:
            where.setdefault(image, set()).add(inventory.pods.namespaces[namespace])
    for image in sorted(where):
        yield image, tuple(sorted(where[image]))


def _charts(inventory: Inventory, products: Products) -> Iterator[Sighting]:
    for release in inventory.releases:
        id = products.identify_chart(release.chart)
        if id is not None and release.status not in ("uninstalled", "superseded"):
            where = f"by Helm release {release.namespace}/{release.name}"
            yield Sighting(id, release.app_version, CHART, where, release.namespace)


def _operands(inventory: Inventory) -> Iterator[Sighting]:
    """Servers that operators run, where the image alone would not tell."""
    for server in inventory.identity_servers:
        if server.version:
            yield Sighting("keycloak", server.version, IMAGE, f"in {server.namespace}", server.namespace)
    for database in inventory.database_clusters:
        if database.version:
            yield Sighting("postgresql", database.version, IMAGE, f"in {database.namespace}", database.namespace)
