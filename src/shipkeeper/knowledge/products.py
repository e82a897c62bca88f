"""Software that platforms are made of, and how each is recognised in a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import fields, replace

from shipkeeper.knowledge.documents import check_format, check_sources, decode, wrong
from shipkeeper.knowledge.sources import Source
from shipkeeper.model.schedule import LEVELS


class Product(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One piece of software with a version of its own."""

    id: str
    name: str = ""
    level: str = ""
    """One of ``model.schedule.LEVELS``."""
    scheme: str = ""
    """How its versions are written: a scheme of ``model.version``."""
    path: str = ""
    """Id of the path policy that holds unless the platform file chooses another."""
    tasks: tuple[str, ...] = ()
    """Rows of the maintenance schedule about it; the first is the one its upgrades fall under."""
    images: tuple[str, ...] = ()
    """Image repositories that the project publishes, as the end of a path: mirrors keep it."""
    names: tuple[str, ...] = ()
    """Last parts of image names that are taken for it where the repository is nobody's known one."""
    charts: tuple[str, ...] = ()
    crds: tuple[str, ...] = ()
    """API groups of its CRDs."""
    node: str = ""
    """How a node's info names it: the start of the OS image, or the name before ``://`` of the runtime."""
    maps: dict[str, dict[str, str]] = {}
    """Last part of an image name → its minor → the product's own, where an image carries another number.

    An empty map: the image's number tells nothing of the product's.
    """
    note: str = ""
    source: str = ""


class Identified(NamedTuple):
    """What something is. ``version`` is empty when it cannot be told; then ``note`` says why."""

    product: str
    version: str
    note: str = ""
    certain: bool = True
    """False: recognised by the image's bare name only."""


class ProductFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of products. ``source`` is the one of those rows that name none."""

    format: int
    kind: str
    issued: str
    source: str
    sources: dict[str, Source]
    products: tuple[Product, ...]


class Image(NamedTuple):
    """An image reference in its parts. ``path`` has the registry in front only where it was written."""

    path: str
    tag: str
    digest: str


def split_image(image: str) -> Image:
    """Take an image reference apart: ``registry:5000/a/b:tag@sha256:…``."""
    name, _, digest = image.partition("@")
    head, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return Image(f"{head}{slash}{last}", tag, digest)


def read_products(data: bytes, name: str) -> ProductFile:
    """Read a products file. Raises BadInput with the place of the mistake."""
    file = decode(data, ProductFile, name)
    check_format(file.format, file.kind, "products", name)
    check_sources([("the file", file.source)], file.sources, name)
    check_sources([(row.id, row.source) for row in file.products if row.source], file.sources, name)
    check_products(file.products, name)
    return file


def check_products(products: Iterable[Product], name: str) -> None:
    """Raise BadInput for a row that no program could use."""
    seen: set[str] = set()
    for row in products:
        for what, missing in (("name", not row.name), ("scheme", not row.scheme), ("level", not row.level)):
            if missing:
                raise wrong(name, f"the product {row.id!r} has no {what}")
        if row.level not in LEVELS:
            raise wrong(name, f"the product {row.id!r} is of the level {row.level!r}; levels are {', '.join(LEVELS)}")
        if row.id in seen:
            raise wrong(name, f"the product {row.id!r} is there twice")
        seen.add(row.id)


def merge_products(known: Iterable[Product], own: Iterable[Product]) -> tuple[Product, ...]:
    """The known rows, each with what the user says of it on top: lists grow, words are replaced."""
    rows = {row.id: row for row in known}
    for more in own:
        rows[more.id] = _on_top(rows[more.id], more) if more.id in rows else more
    return tuple(rows.values())


def _on_top(row: Product, more: Product) -> Product:
    changed: dict[str, object] = {}
    for field in fields(Product):
        old, new = getattr(row, field.name), getattr(more, field.name)
        if new == field.default or not new:
            continue
        if isinstance(new, tuple):
            changed[field.name] = (*old, *(item for item in new if item not in old))
        elif isinstance(new, dict):
            changed[field.name] = {**old, **new}
        else:
            changed[field.name] = new
    return replace(row, **changed)


_FLAVOUR = re.compile(
    r"[-_.](?:alpine|bookworm|bullseye|buster|trixie|jammy|noble|focal|distroless|slim|debian|ubuntu|ubi\d?|photon|scratch"
    r"|system|minimal|standard|nonroot|rootless|management|musl|amd64|arm64|linux|multiarch|fips|bitnami|stable)"
    r"(?![a-z]).*$",
    re.IGNORECASE,
)
_MIRRORED = "mirrored-"
"""What some mirrors put before a repository whose slashes they turn into hyphens: mirrored-coredns-coredns."""
_HAS_NUMBER = re.compile(r"^[A-Za-z_-]*v?\d+(?:\.\d+)*", re.ASCII)
_MINOR = re.compile(r"v?(\d+\.\d+)(?:\.|$|-)", re.ASCII)
_NUMBERS = re.compile(r"\d+(?:\.\d+)*\S*", re.ASCII)


class Products:
    """The products known here, with what finds one."""

    def __init__(self, rows: Iterable[Product]) -> None:
        self.rows = tuple(rows)
        self._by_id = {row.id: row for row in self.rows}
        self._images: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._charts: dict[str, str] = {}
        self._crds: dict[str, str] = {}
        for row in self.rows:
            for table, keys in (
                (self._images, row.images),
                (self._names, row.names),
                (self._charts, row.charts),
                (self._crds, row.crds),
            ):
                table.update(dict.fromkeys(keys, row.id))
        self._flat = {key.replace("/", "-"): id for key, id in self._images.items() if "." not in key.partition("/")[0]}
        nodes = ((row.node, row.id) for row in self.rows if row.node)
        self._nodes = sorted(nodes, key=lambda item: (-len(item[0]), item[0]))

    def get(self, id: str) -> Product | None:
        """The product of that id, or None."""
        return self._by_id.get(id)

    def find(self, text: str) -> Product | None:
        """The product of that id, name or chart, whatever its case; None when there is none."""
        wanted = text.strip().lower()
        for row in self.rows:
            if wanted in (row.id, row.name.lower()):
                return row
        return self._by_id.get(self._charts.get(wanted, ""))

    def identify_image(self, image: str) -> Identified | None:
        """What an image is: the product whose repository its path ends with, else one of its bare name, else None."""
        path, tag, digest = split_image(image)
        parts = path.split("/")
        for start in range(len(parts)):
            found = self._images.get("/".join(parts[start:]))
            if found is None and start == 0 and len(parts) == 1:
                found = self._images.get(f"docker.io/{path}")
            if found is not None:
                return self._versioned(self._by_id[found], parts[-1], tag, digest)
        last = parts[-1].removeprefix(_MIRRORED)
        found = self._flat.get(last)
        if found is not None:
            return self._versioned(self._by_id[found], last, tag, digest)
        found = self._names.get(last)
        if found is None:
            return None
        said = self._versioned(self._by_id[found], parts[-1], tag, digest)
        guess = f"recognised by its bare name: {path} is not a repository that {self._by_id[found].name} publishes"
        return said._replace(certain=False, note="; ".join(filter(None, (guess, said.note))))

    def identify_chart(self, name: str) -> str | None:
        """The product that a chart of that name installs, or None."""
        return self._charts.get(name)

    def identify_group(self, group: str) -> str | None:
        """The product whose CRDs have that API group, or None."""
        return self._crds.get(group)

    def identify_node(self, text: str) -> Identified | None:
        """What a field of a node's info names: ``osImage``, or ``containerRuntimeVersion``. A kubelet is kubernetes."""
        runtime, scheme, version = text.partition("://")
        if scheme:
            known = next((id for start, id in self._nodes if start == runtime), None)
            return Identified(known, version) if known else None
        for start, id in self._nodes:
            if text.startswith(start) and not text[len(start) : len(start) + 1].isalpha():
                number = _NUMBERS.search(text, len(start))
                if number is None:
                    return Identified(id, "", f"{text!r} has no number")
                return Identified(id, number[0].strip("()"))
        return None

    def _versioned(self, row: Product, last: str, tag: str, digest: str) -> Identified:
        if not tag:
            why = "the image is named by its digest only" if digest else "the image has no tag, which means latest"
            return Identified(row.id, "", f"{why}: its version is not told")
        if not _HAS_NUMBER.match(tag):
            return Identified(row.id, "", f"the tag {tag!r} is no version")
        version = _FLAVOUR.sub("", tag)
        if last in row.maps:
            return _mapped(row, last, version, row.maps[last])
        return Identified(row.id, version)


def _mapped(row: Product, last: str, version: str, known: Mapping[str, str]) -> Identified:
    """The product's minor for an image that carries a number of its own."""
    minor = _MINOR.match(version)
    mine = known.get(minor[1], "") if minor else ""
    if mine:
        return Identified(row.id, mine, f"{last} {version} belongs to {row.name} {mine}")
    return Identified(row.id, "", f"{last} {version} has a number of its own: the release of {row.name} is not told")
