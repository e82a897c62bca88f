"""All knowledge behind one door: what ships with this version, what was installed since, what the user says.

A section is read when it is first asked for: ``due`` must not pay for what it does not need.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache, cached_property
from importlib.resources import files

from shipkeeper.knowledge.products import Identified, Products, read_products
from shipkeeper.knowledge.removals import Removals, read_removals
from shipkeeper.knowledge.support import Support, SupportDates, read_support

SECTIONS = ("products", "support", "removals")


class Knowledge:
    """Facts by section. ``installed``: sections of an update, as bytes, with the file they are from."""

    def __init__(self, installed: Mapping[str, bytes] | None = None, installed_from: str = "") -> None:
        self._installed = dict(installed or {})
        self._installed_from = installed_from

    def section(self, name: str) -> tuple[bytes, str]:
        """A section's bytes and the file they are from."""
        if name in self._installed:
            return self._installed[name], f"{self._installed_from} ({name})"
        return files("shipkeeper.knowledge").joinpath(f"data/{name}.json").read_bytes(), f"{name}.json"

    @cached_property
    def products(self) -> Products:
        """Products and how they are recognised."""
        return Products(read_products(*self.section("products")).products)

    @cached_property
    def support(self) -> SupportDates:
        """Support dates."""
        file = read_support(*self.section("support"))
        return SupportDates(file.products, file.sources)

    @cached_property
    def removals(self) -> Removals:
        """Removed APIs of Kubernetes."""
        file = read_removals(*self.section("removals"))
        return Removals(file.rows, file.newest, file.sources[file.source])

    def identify_image(self, image: str) -> Identified | None:
        """What an image is; None: no product known here."""
        return self.products.identify_image(image)

    def identify_chart(self, name: str) -> str | None:
        """The product that a chart of that name installs; None: no product known here."""
        return self.products.identify_chart(name)

    def support_of(self, product: str, version: str, on: date) -> Support:
        """Until when a version is supported, as it looks on that day."""
        return self.support.of(product, version, on)


@cache
def bundled() -> Knowledge:
    """What ships with this version, without updates and without a user's own facts."""
    return Knowledge()
