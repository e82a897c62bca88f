"""What ships, what was installed since, what the user knows better: in that order, and each only when asked for."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from importlib.resources import files

import msgspec
import pytest

from shipkeeper.knowledge.library import BUNDLED, Knowledge, bundled, issued_on, worth_using
from shipkeeper.knowledge.own import OwnFacts, OwnLine, OwnQuirk, OwnRemoval, OwnSupport
from shipkeeper.knowledge.products import Product
from shipkeeper.model.errors import BadInput

ON = date(2026, 11, 24)
OWN = OwnFacts(
    source="our subscription",
    retrieved="2026-11-20",
    products=(
        Product(id="keycloak", images=("mirror/sso",)),
        Product(id="shop", name="Shop", level="platform stack", scheme="semver", images=("acme/shop",)),
    ),
    support=(
        OwnSupport(product="keycloak", lines=(OwnLine(line="26.4", released="2025-11-01", eol="2027-11-30"),)),
        OwnSupport(product="shop", lines=(OwnLine(line="3", released="2026-01-01"),), rule="the newest", newest=1),
    ),
    quirks=(OwnQuirk(id="shop-3", product="shop", kind="step", what="needs a migration", crosses=("3",)),),
    removals=(OwnRemoval(api="acme.io/v1beta1", kind="Shop", removed="1.36", replacement="acme.io/v1"),),
)


def edited(name: str, **change: object) -> bytes:
    """A section as it ships, with other values at the top."""
    data = msgspec.json.decode(files("shipkeeper.knowledge").joinpath(f"data/{name}.json").read_bytes())
    return msgspec.json.encode({**data, **change})


def test_what_the_user_knows_goes_over_everything():
    known = Knowledge(own=OWN, own_from="own.yaml")
    mine = known.support_of("keycloak", "26.4.3", ON)
    assert (mine.eol, mine.source) == ("2027-11-30", "our subscription, retrieved 2026-11-20")
    assert known.support_of("keycloak", "26.1.0", ON).eol == "2025-04-11", "other lines stay as published"
    image = known.identify_image("registry.example.org/mirror/sso:26.4.3")
    assert image is not None
    assert image.product == "keycloak"
    assert known.identify_image("quay.io/keycloak/keycloak:26.4.3") is not None, "own repositories are added"


def test_a_product_of_ones_own_has_everything_others_have():
    known = Knowledge(own=OWN, own_from="own.yaml")
    image = known.identify_image("acme/shop:v3.1.0")
    assert image is not None
    assert known.support_of(image.product, image.version, ON).kind == "policy"
    (hit,) = known.quirks_for("shop", "2.9.0", "3.1.0")
    assert (hit.id, hit.source) == ("shop-3", "our subscription, retrieved 2026-11-20")
    replacement = known.removals.replacement_of("acme.io/v1beta1", "Shop")
    assert replacement is not None
    assert (replacement.api_version, replacement.kind) == ("acme.io/v1", "Shop")


@pytest.mark.parametrize(
    ("facts", "ask", "told"),
    [
        ({"products": (Product(id="new"),)}, "products", "no name"),
        ({"support": (OwnSupport(product="x", lines=(OwnLine(line="1", eol="soon"),)),)}, "support", "'soon'"),
        ({"quirks": (OwnQuirk(id="q", product="x", kind="know", what="w"),)}, "quirks", "where it holds"),
        ({"removals": (OwnRemoval(api="a/v1", kind="A", removed="never"),)}, "removals", "'never'"),
    ],
)
def test_a_fact_of_the_users_that_cannot_be_used_names_their_file(facts, ask, told):
    own = OwnFacts(source="us", retrieved="2026-11-20", **facts)
    with pytest.raises(BadInput) as caught:
        getattr(Knowledge(own=own, own_from="own.yaml"), ask)
    assert told in str(caught.value)
    assert caught.value.object == "own.yaml"


def test_an_installed_section_is_used_when_it_is_not_older_than_what_ships():
    newer = edited("support", issued="2099-01-01", products=[{"id": "shop", "source": "endoflife"}])
    known = Knowledge(worth_using({"support": newer}), "knowledge.json")
    assert known.is_installed("support")
    assert known.support.products() == ("shop",)
    assert not known.is_installed("products")
    older = edited("support", issued="2020-01-01", products=[])
    assert worth_using({"support": older, "exploited": b"{}"}) == {"exploited": b"{}"}, "an upgrade brought newer facts"


def test_a_damaged_installed_section_names_its_file():
    with pytest.raises(BadInput) as caught:
        _ = Knowledge({"support": edited("support", issued="2099-01-01", products=3)}, "/state/knowledge.json").support
    assert "/state/knowledge.json" in str(caught.value)


@pytest.mark.parametrize("name", BUNDLED)
def test_every_section_that_ships_has_its_day(name):
    assert date.fromisoformat(issued_on(bundled().section(name)[0])) <= ON


def test_what_ships_is_small_and_read_only_when_asked():
    total = sum(len(bundled().section(name)[0]) for name in BUNDLED)
    assert total < 200_000, f"{total} bytes of facts: due has to answer within two seconds"
    code = (
        "import time; t = time.perf_counter()\n"
        "from shipkeeper.knowledge.library import bundled\n"
        "known = bundled(); known.identify_image('quay.io/keycloak/keycloak:26.1.0')\n"
        "print([name for name in ('products', 'support', 'removals', 'quirks') if name in vars(known)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['products']"
