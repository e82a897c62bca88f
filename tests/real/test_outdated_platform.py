"""A deliberately outdated platform on a real control plane: from `init` to what people would be told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.notices.smtp import serving
from tests.real.conftest import RUNNER, not_here
from tests.real.harness import outdated, platform_objects, rights
from tests.real.harness.helm import helm
from tests.real.harness.product import DOES_NOT_FIT, OK, REFUSED, Product
from tests.real.plane import waits
from tests.real.plane.api import Api
from tests.real.plane.cluster import Size, build
from tests.real.plane.plane import Plane, Unavailable

pytestmark = pytest.mark.real
MINOR = "1.34"
NOW = datetime.now(UTC)
WINDOW = "first Tuesday 22:00 7h"


@pytest.fixture(scope="module")
def platform(plane: Plane, api: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Old versions, real CRDs with objects, releases by the real helm, and an exploited vulnerability."""
    try:
        files = platform_objects.crd_files()
    except Unavailable as gone:
        not_here(f"no platform: {gone}")
    build(api, Size.small())
    folder = tmp_path_factory.mktemp("helm")
    with platform_objects.removed(api):
        served = platform_objects.apply_crds(api, files)
        for item in [*platform_objects.custom_resources(NOW), outdated.exploited_report(NOW)]:
            platform_objects.apply(api, served, item)
        made = outdated.load(api, helm(plane.kubeconfig, folder), folder, NOW)
        waits.until(lambda: _not_ready(api, made), 120, "the old workloads run")
        try:
            yield
        finally:
            for item in made:
                api.delete(item["kind"], item["metadata"]["name"], item["metadata"]["namespace"])


def _not_ready(api: Api, made: list[dict[str, Any]]) -> str | None:
    for item in made:
        meta = item["metadata"]
        found = api.find(item["kind"], meta["name"], meta["namespace"])
        status = (found or {}).get("status") or {}
        if not (status.get("readyReplicas") or status.get("numberReady")):
            return f"{item['kind']} {meta['namespace']}/{meta['name']}"
    return None


@pytest.fixture(scope="module")
def product(plane: Plane, api: Api, runner: Path, platform: None, tmp_path_factory: pytest.TempPathFactory) -> Product:
    """The product under the shipped rights, with the file that `init` wrote and a person completed."""
    rights.apply(api, [obj for file in ("survey.yaml", rights.OPTIONAL) for obj in rights.shipped(file)], RUNNER)
    made = Product(tmp_path_factory.mktemp("outdated"), runner)
    answer = made.call(
        "init", *made.live(), "--no-input", "--zone", "Europe/Stockholm", "--window", WINDOW,
        "--on-call", "tel:+46-8-1", "--escalate-to", "mailto:lead@example.net",
        "--application-owners", "mailto:apps@example.net", "--provider", "tel:+46-8-2",
        "--kubernetes-notice", "4 weeks",
    )  # fmt: skip
    assert "Not known:" not in answer.err, answer
    path = made.folder / "shipkeeper.yaml"
    said = yaml.safe_load(path.read_text())
    outdated.catalogue(made.folder / "exploited.json", NOW)
    said["environments"][0] |= {"follows": "", "objectives": {"rpo": "24h"}}
    said["environments"][0]["windows"][0] |= {"agreedBy": ["application owners"], "agreedOn": "2026-01-15"}
    said |= {"sources": {"exploited": "exploited.json"}, "patchDeadlines": {"critical": "7d", "high": "30d"}}
    said["done"] = {"node-os": "2026-01-10", "keycloak": "2026-01-10", "kubernetes": "2026-01-10"}
    path.write_text(yaml.safe_dump(said, sort_keys=False, allow_unicode=True))
    made.call("config", "check")
    made.call("survey", *made.live(), "--save", "prod.inv")
    return made


@pytest.mark.requirement("R-A1")
def test_init_claims_what_runs_and_knows_the_platform_s_software(product: Product) -> None:
    said = yaml.safe_load((product.folder / "shipkeeper.yaml").read_text())
    inside = {scope["component"]: scope for scope in said["scope"] if scope.get("inside", True)}
    assert inside["Kyverno"]["namespaces"] == ["kyverno"]
    assert any("Keycloak" in name for name in inside)
    names = {component["name"] for component in said["components"]}
    assert {"kyverno", "keycloak", "trivy-operator", "flux", "cilium", "ingress-nginx"} <= names
    scope = product.call("scope", "--from", "prod.inv", "-o", "json").json
    assert scope["unclaimed"] == [], "init wrote a scope and left something unclaimed"


@pytest.mark.requirement("R-B1")
@pytest.mark.requirement("R-B4")
def test_due_names_what_an_operator_would(product: Product) -> None:
    found = product.call("due", "--from", "prod.inv", "-o", "json").json
    items = {item["id"]: item for item in found["items"]}
    table = [item["id"] for item in found["items"]][:9]
    assert table == [
        "trivy-db", "falco-rules", "tracee-policies", "kyverno-policies", "keycloak", "hsm-firmware", "helm-charts",
        "talos", "kubernetes",
    ], "the published table does not come first, row by row"  # fmt: skip
    kubernetes = items["kubernetes"]
    assert kubernetes["current"].startswith("v1.34."), kubernetes
    assert kubernetes["state"] == "overdue"
    assert [hop.rsplit(".", 1)[0] for hop in kubernetes["hops"]][:2] == ["1.35", "1.36"]
    assert "VolumeAttributesClass storage.k8s.io/v1beta1 of shop-storage/fast-storage" in kubernetes["reason"]
    assert "notice (4 weeks)" in kubernetes["reason"]
    kyverno = items["component-kyverno"]
    assert (kyverno["current"], kyverno["state"]) == ("v1.12.5", "overdue")
    assert len(kyverno["hops"]) >= 3, "minors of Kyverno were skipped"
    assert items["component-ingress-nginx"]["state"] == "overdue"
    assert items["component-flux"]["current"] == "2.6"
    assert items["component-cilium"]["current"] == "v1.16.5"
    keycloak = items["keycloak"]
    assert keycloak["state"] == "overdue"
    exploited = [need for need in keycloak["needs"] if need["kind"] == "exploited"]
    assert exploited, "an exploited vulnerability in the identity server is not due at once"
    assert outdated.EXPLOITED in exploited[0]["text"]
    assert items["certificates"]["state"] in ("due", "overdue")
    assert items["provider-audit"]["questions"]


@pytest.mark.requirement("R-B3")
def test_an_answer_about_exposure_ends_the_alarm_and_stays_on_record(product: Product) -> None:
    words = ["classify", "--component", "keycloak", "--from", "prod.inv", "--to-version", "26.4.5"]
    asked = product.call(*words, "--mends", outdated.EXPLOITED, "-o", "json").json
    assert asked["critical"]["answer"] == "ask", asked["critical"]
    assert asked["critical"]["dueNow"] is True
    product.call(
        *words, "--mends", outdated.EXPLOITED,
        "--not-exposed", f"{outdated.EXPLOITED}=no route from outside leads to it", "--by", "platform lead",
    )  # fmt: skip
    found = product.call("due", "--from", "prod.inv", "-o", "json").json
    keycloak = next(item for item in found["items"] if item["id"] == "keycloak")
    assert not [need for need in keycloak["needs"] if need["kind"] == "exploited"]


@pytest.mark.requirement("R-B5")
def test_the_programme_goes_hop_by_hop_into_agreed_windows(product: Product) -> None:
    found = product.call("plan", "propose", "--from", "prod.inv", "-o", "json").json
    works = {work["id"]: work for work in found["works"]}
    placed = {id: slot for slot in found["slots"] for id in slot["works"]}
    kubernetes = [work for work in found["works"] if work["product"] == "kubernetes"]
    assert len(kubernetes) >= 2
    opens = [placed[work["id"]]["window"]["opensAt"] for work in kubernetes if work["id"] in placed]
    assert opens == sorted(opens), "a later minor is planned before an earlier one"
    first = datetime.fromisoformat(opens[0])
    assert (first - NOW).days >= 28, "the developers' four weeks are not kept"
    kyverno = [work for work in found["works"] if work["product"] == "kyverno"]
    steps = [step["phase"] for step in kyverno[0]["steps"]]
    assert steps.index("backup") < steps.index("apply") < steps.index("verify")
    assert all(work["steps"] and work["impacts"] for work in works.values())
    page = product.call("plan", "propose", "--from", "prod.inv", "-o", "markdown").out
    assert "### If it goes wrong" in page
    assert "tel:+46-8-1" in page


def first_window_later_than(days: int) -> str:
    """The date of the first first-Tuesday so many days ahead."""
    day = (NOW + timedelta(days=days)).date()
    while day.weekday() != 1 or day.day > 7:
        day += timedelta(days=1)
    return day.isoformat()


@pytest.mark.requirement("R-C2")
def test_a_window_stays_shut_until_people_were_told_by_a_real_mail_server(product: Product) -> None:
    path = product.folder / "shipkeeper.yaml"
    with serving() as mail:
        said = yaml.safe_load(path.read_text())
        said["channels"] = [
            {"name": "mail", "kind": "email", "server": f"127.0.0.1:{mail.port}", "tls": "none",
             "sender": "platform@example.net", "to": ["apps@example.net"]},
        ]  # fmt: skip
        # No reminder: it would be due the day before, and the gate would wait for it.
        said["notices"] |= {"channels": {"users": ["mail"], "developers": ["mail"]}, "reminder": ""}
        path.write_text(yaml.safe_dump(said, sort_keys=False, allow_unicode=True))
        product.call(
            "plan", "nodes", "--from", "prod.inv", "--window", first_window_later_than(8), "--action", "none",
            "--change", "security-patch", "--save", "told.plan",
        )  # fmt: skip
        product.call("rehearse", "told.plan", "--from", "prod.inv", "--seeds", "5", codes=(OK, DOES_NOT_FIT))
        assert gate(product, "notices-sent")["state"] == "closed", "nobody was told and the window opens"
        product.call("notices", "send", "told.plan", "--by", "platform lead")
        assert len(mail.box.taken) >= 1, "nothing reached the mail server"
        words = str(mail.box.taken[0]["Subject"])
        assert "maintenance" in words.lower()
        before = len(mail.box.taken)
        product.call("notices", "send", "told.plan", "--by", "platform lead", codes=(OK, REFUSED))
        assert len(mail.box.taken) == before, "people were told twice"
    reading = gate(product, "notices-sent")
    assert reading["state"] == "open", reading


def gate(product: Product, name: str) -> dict[str, Any]:
    """What a gate will say when the plan's window opens."""
    found = product.call("windows", "gates", "told.plan", "-o", "json", codes=(OK, REFUSED)).json["items"]
    return next(item for item in found if item["gate"] == name)


@pytest.mark.requirement("R-D1")
def test_the_boxes_and_the_words_for_a_night_of_node_work(product: Product) -> None:
    product.call(
        "plan", "nodes", "--from", "prod.inv", "--window", "monthly", "--action", "none", "--save", "night.plan",
    )  # fmt: skip
    product.call("rehearse", "night.plan", "--from", "prod.inv", "--seeds", "5", codes=(OK, DOES_NOT_FIT))
    boxes = product.call("checklist", "before", "night.plan", "--from", "prod.inv", "-o", "json").json
    states = {item["id"]: item["state"] for item in boxes["items"]}
    assert states["nodes-ready"] == "done"
    assert states["releases-well"] in ("done", "failed"), "what Helm recorded was not read"
    told = product.call("notices", "preview", "night.plan").out
    assert re.search(r"Planned maintenance|maintenance", told)
    assert "application owners" in told or "apps@example.net" in told or "users" in told
