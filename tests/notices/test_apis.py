"""The developers' notice of a Kubernetes minor: from what a cluster keeps to the lines that its owners read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from shipkeeper.app.clock import now_ms
from shipkeeper.app.inventory_file import save
from shipkeeper.app.knowledge import install
from shipkeeper.app.notices.apis import used_apis
from shipkeeper.knowledge.library import bundled
from shipkeeper.model.errors import BadInput
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.notices import UsedApi
from shipkeeper.model.time import DAY
from tests.knowledge.test_bundle import KEY, bundle
from tests.knowledge.test_removed_apis import inventory as with_releases
from tests.notices.desk import Desk, mail_channel
from tests.notices.smtp import serving
from tests.notices.test_sending import by_mail

REMOVALS = bundled().removals


def at(version: str, **more: object) -> Inventory:
    made = with_releases(**more)
    return replace(made, identity=replace(made.identity, server_version=version))


@pytest.mark.requirement("R-B7")
def test_what_goes_on_the_way_is_told_with_its_keeper_and_its_successor() -> None:
    uses, unseen = used_apis(at("v1.24.6"), "1.26", REMOVALS)
    assert unseen == ()
    psp, budget = uses
    assert budget == UsedApi(
        object="PodDisruptionBudget shop/checkout",
        api="policy/v1beta1 PodDisruptionBudget",
        namespace="shop",
        replacement="policy/v1 PodDisruptionBudget",
        removed_in="Kubernetes 1.25",
        kept_by="Helm release shop/checkout",
    )
    assert (psp.object, psp.replacement) == ("PodSecurityPolicy restricted", "")
    assert psp.namespace == "shop", "an object of no namespace belongs to who keeps it"
    later, _ = used_apis(at("v1.26.1"), "1.27", REMOVALS)
    assert {use.object for use in later} >= {"PodDisruptionBudget shop/checkout"}, "what is gone already is told too"


@pytest.mark.parametrize(
    ("version", "reached", "words"),
    [
        ("v1.26.1", "1.26", "does not lie ahead: it runs 1.26"),
        ("v1.26.1", "1.25", "does not lie ahead"),
        ("v1.26.1", "1.60", "does not lie ahead"),
        ("v1.26.1", "newest", "is no version of Kubernetes"),
        ("", "1.27", "does not tell which Kubernetes it runs"),
    ],
)
def test_a_goal_that_makes_no_sense_is_told(version: str, reached: str, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        used_apis(at(version), reached, REMOVALS)


@pytest.mark.requirement("R-C2")
def test_each_team_gets_a_list_of_its_own_by_mail(tmp_path: Path) -> None:
    with serving() as server:
        desk = by_mail(tmp_path, server, "dev@example.net", users="", developers="mail", opens_in_ms=90 * DAY)
        file = tmp_path / "shipkeeper.yaml"
        shop = mail_channel(server.port, "shop@example.net", name="shop-mail")
        scope = "scope:\n  - {component: shop, owner: shop team, namespaces: [shop], channels: [shop-mail]}\n"
        file.write_text(file.read_text().replace("notices:\n", f"{shop}{scope}notices:\n"))
        save(at("v1.24.6"), tmp_path / "prod.inv")
        result = tell(desk)
    assert result["counts"] == {"sent": 2}
    texts = {m["To"]: (m["Subject"], m.get_body(("plain",)).get_content()) for m in server.box.taken}  # type: ignore[union-attr]
    subject, body = texts["shop@example.net"]
    assert subject.startswith("Change 2 of your objects before ")
    assert "- PodDisruptionBudget shop/checkout (in Helm release shop/checkout) uses policy/v1beta1" in body
    assert ": use policy/v1 PodDisruptionBudget" in body
    others, rest = texts["dev@example.net"]
    assert others.startswith("Nothing found that you have to change before ")
    assert "shop/checkout" not in rest


OUTDATED = "- Deployment shop/checkout (in Helm release shop/checkout) uses apps/v1 Deployment"


@pytest.mark.requirement("R-B7")
def test_developers_are_told_by_the_facts_that_hold_here(tmp_path: Path) -> None:
    """An installed bundle, and the platform's own file of facts, change what has to be changed; they did not."""
    desk = Desk.make(tmp_path, now_ms(), mail_channel(25, "dev@example.net"), developers="mail", opens_in_ms=90 * DAY)
    save(at("v1.24.6"), tmp_path / "prod.inv")
    assert OUTDATED not in told(desk)

    own = "source: us\nretrieved: 2026-11-20\nremovals: [{api: apps/v1, kind: Deployment, removed: '1.26'}]\n"
    (tmp_path / "own.yaml").write_text(own)
    file = tmp_path / "shipkeeper.yaml"
    without = file.read_text()
    file.write_text(f"{without}sources: {{knowledge: own.yaml}}\n")
    assert OUTDATED in told(desk), "the platform's own facts are not asked"

    file.write_text(without)
    shipped = json.loads(bundled().section("removals")[0])
    row = ["apps/v1", "Deployment", "deployments", "1.9", "1.25", "1.26", "apps/v2", "Deployment", "", "marker"]
    newer = {**shipped, "issued": "2099-01-01", "rows": sorted([*shipped["rows"], row])}
    install(desk.state, bundle(removals=json.dumps(newer).encode()), "b.json", KEY)
    assert f"{OUTDATED}, gone in Kubernetes 1.26: use apps/v2 Deployment" in told(desk), "the bundle is not asked"


def told(desk: Desk) -> str:
    """What the preview says."""
    done = desk.says("preview", *announced(desk), "-o", "markdown", plan=False)
    assert done.exit_code == 0, done.stderr
    return done.stdout


def announced(desk: Desk) -> tuple[str, ...]:
    """The window of the plan, announced as a Kubernetes minor before there is a plan for it."""
    window = desk.plan.window
    assert window is not None
    written = f"{window.opens_at[:16]}/{window.closes_at[:16]} {window.zone}"
    words = ("--window", written, "--change", "kubernetes-minor", "--from", str(desk.folder / "prod.inv"))
    return (*words, "--kubernetes", "1.26")


def tell(desk: Desk) -> dict[str, object]:
    """Send what ``told`` shows."""
    done = desk.says("send", *announced(desk), "--by", "ops desk", "-o", "json", plan=False)
    assert done.exit_code == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found
