"""The developers' notice of a Kubernetes minor: from what a cluster keeps to the lines that its owners read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from shipkeeper.app.inventory_file import save
from shipkeeper.app.notices.apis import used_apis
from shipkeeper.model.errors import BadInput
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.notices import UsedApi
from shipkeeper.model.time import DAY
from tests.knowledge.test_removed_apis import inventory as with_releases
from tests.notices.desk import Desk, mail_channel
from tests.notices.smtp import serving
from tests.notices.test_sending import by_mail


def at(version: str, **more: object) -> Inventory:
    made = with_releases(**more)
    return replace(made, identity=replace(made.identity, server_version=version))


@pytest.mark.requirement("R-B7")
def test_what_goes_on_the_way_is_told_with_its_keeper_and_its_successor() -> None:
    uses, unseen = used_apis(at("v1.24.6"), "1.26")
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
    later, _ = used_apis(at("v1.26.1"), "1.27")
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
        used_apis(at(version), reached)


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


def tell(desk: Desk) -> dict[str, object]:
    """The window of the plan, announced as a Kubernetes minor before there is a plan for it."""
    window = desk.plan.window
    assert window is not None
    written = f"{window.opens_at[:16]}/{window.closes_at[:16]} {window.zone}"
    words = ("--window", written, "--change", "kubernetes-minor", "--from", str(desk.folder / "prod.inv"))
    done = desk.says("send", *words, "--kubernetes", "1.26", "--by", "ops desk", "-o", "json", plan=False)
    assert done.exit_code == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found
