"""What the demo's platform holds beside nodes and pods, and what each verb makes of it as of its day."""

from __future__ import annotations

import gzip
import json

import pytest
from click.testing import CliRunner

from shipkeeper.app.clock import now_ms, standing_at
from shipkeeper.app.demo_platform import SELECTOR, WINDOW, dump_path, platform_path
from shipkeeper.app.demo_platform.generate import document, host_facts, packed
from shipkeeper.app.demo_platform.helm import CANARY
from shipkeeper.app.demo_platform.mailbox import VARIABLE, Mailbox
from shipkeeper.app.demo_platform.naming import EVENING
from shipkeeper.app.inventory_file import save
from shipkeeper.app.survey import load_inventory, with_facts
from shipkeeper.cli.main import main
from shipkeeper.model.time import parse_instant
from tests.demo_platform.test_demo_platform import unpacked

FRIDAY = "2026-11-20T10:00:00+01:00"
NIGHT = "2026-12-01T20:15:00+01:00"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Both dumps, with what the nodes' own systems tell."""
    made = tmp_path_factory.mktemp("demo")
    (made / "evening.json.gz").write_bytes(packed(EVENING))
    (made / "facts.jsonl").write_bytes(host_facts())
    return made


@pytest.fixture(scope="module")
def friday(folder):
    return with_facts(load_inventory(str(dump_path())), str(folder / "facts.jsonl"))[0]


@pytest.fixture(scope="module")
def evening(folder):
    return load_inventory(str(folder / "evening.json.gz"))


@pytest.fixture
def say(tmp_path, monkeypatch):
    """Run a verb on the demo's platform; what it answers as JSON, or its words."""
    monkeypatch.setenv("SHIPKEEPER_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)

    def run(line: str, at: str = FRIDAY, code: int = 0, words: bool = False):
        args = [*line.split(), "--platform", str(platform_path())]
        with standing_at(parse_instant(at)):
            told = CliRunner().invoke(main, args if words else [*args, "-o", "json"])
        assert told.exit_code == code, told.output
        return told.stdout if words else json.loads(told.stdout)

    return run


def test_the_clock_stands_where_it_was_put_and_only_there():
    before = now_ms()
    with standing_at(parse_instant(FRIDAY)):
        assert now_ms() == parse_instant(FRIDAY)
    assert now_ms() >= before


def test_only_what_no_dump_holds_is_unknown(friday):
    assert [item.what for item in friday.missing] == ["/metrics"], "the demo begins with things it cannot know"


@pytest.mark.requirement("R-A2")
def test_no_value_of_a_secret_outlives_the_survey(friday, evening, tmp_path):
    raw = unpacked(document())
    holders = {item["kind"] for item in raw[0]["items"] if CANARY in json.dumps(item)}
    assert holders == {"Secret", "Cluster", "KeycloakRealmImport"}, "nothing is at stake in this test"
    for name, inventory in (("friday", friday), ("evening", evening)):
        path = tmp_path / f"{name}.inv"
        save(inventory, path)
        kept = path.read_bytes()
        text = gzip.decompress(kept) if kept[:2] == b"\x1f\x8b" else kept
        assert CANARY.encode() not in text, f"{path.name} keeps a secret"
        for form in ("table", "json", "yaml", "markdown"):
            told = CliRunner().invoke(main, ["survey", "--from", str(path), "-o", form])
            assert told.exit_code == 0
            assert CANARY not in told.output, f"survey -o {form} prints a secret"


def test_what_was_put_into_the_platform_is_seen(friday):
    status = {f"{one.namespace}/{one.name}": one.status for one in friday.releases}
    assert {name: word for name, word in status.items() if word != "deployed"} == {
        "harbor/harbor": "pending-upgrade",
        "logging/opensearch": "failed",
    }
    flux = friday.flux
    assert [one.name for one in flux if one.suspended] == ["velero"]
    assert [one.name for one in flux if one.stalled] == ["opensearch"]
    assert [one.name for one in flux if one.kind == "HelmRelease" and not one.pinned] == ["trivy-operator"]
    assert {crd.name for crd in friday.crds if len(crd.stored_versions) > 1} == {
        "helmreleases.helm.toolkit.fluxcd.io",
        "keycloaks.k8s.keycloak.org",
        "keycloakrealmimports.k8s.keycloak.org",
    }
    critical = {one.repository for one in friday.vulnerability_reports if one.critical}
    assert critical == {"grafana/grafana", "team-shop/storefront"}
    assert sum(fact.reboot_required is True for fact in friday.node_facts) == 19
    assert {fact.reboot_required for fact in friday.node_facts} == {True, False}
    assert [one.phase for one in friday.backups if not one.completed] == ["PartiallyFailed"] * 2


def test_each_release_is_run_by_the_flux_object_that_is_there_for_it(friday):
    by_hand = {f"{one.namespace}/{one.name}" for one in friday.releases if not one.owner}
    assert by_hand == {"harbor/harbor", "kube-system/csi-volume"}
    asked = {(one.namespace, one.name): one for one in friday.flux if one.kind == "HelmRelease"}
    assert set(asked) == {(one.namespace, one.name) for one in friday.releases if one.owner}


def test_by_the_evening_it_is_the_same_platform_mended(friday, evening):
    assert [node.uid for node in evening.nodes] == [node.uid for node in friday.nodes]
    assert {pod.uid for pod in evening.pods} == {pod.uid for pod in friday.pods}
    assert {one.status for one in evening.releases} == {"deployed"}
    assert not [one for one in evening.flux if one.suspended or one.stalled]
    assert all(one.completed for one in evening.backups)
    assert evening.taken_ms == EVENING.at_ms


@pytest.mark.requirement("R-B1")
@pytest.mark.requirement("R-B4")
def test_what_is_due_is_some_of_everything(say):
    items = {item["id"]: item for item in say(f"due --from {dump_path()}")["items"]}
    by_state = {word: {id for id in items if items[id]["state"] == word} for word in ("ok", "due", "overdue")}
    assert by_state["overdue"] == {"component-ingress-nginx", "patches-developers-shop-team", "backups-velero"}, (
        "one product past its end, one patch past its deadline, one backup past its objective"
    )
    due = {"node-os", "kubernetes", "keycloak", "component-kyverno", "component-grafana", "certificates"}
    assert by_state["due"] >= due
    assert by_state["ok"] >= {"hsm-audit-log", "application-audit", "backups-cnpg", "component-harbor"}
    assert "19 of 30 nodes want a reboot" in items["node-os"]["reason"]
    assert items["kubernetes"]["hops"] == ["1.36.6", "1.37.2"]
    assert "VolumeAttributesClass storage.k8s.io/v1beta1 of kube-system/csi-volume" in items["kubernetes"]["reason"]
    assert items["component-grafana"]["neededBy"].startswith("2026-11-24"), "a critical finding has seven days"
    assert "apps-example-net" in items["certificates"]["reason"]


@pytest.mark.requirement("R-B7")
def test_the_way_of_flux_is_barred_by_what_is_stored(say):
    told = say(f"upgrade path flux --to 2.9.4 --from {dump_path()}", words=True)
    assert "helmreleases.helm.toolkit.fluxcd.io may still be stored in v2beta2" in " ".join(told.split())


@pytest.mark.requirement("R-C1")
def test_what_is_due_goes_into_windows_that_may_take_it(say):
    found = say(f"plan propose --from {dump_path()}")
    works = {work["id"]: work for work in found["works"]}
    windows = [slot for slot in found["slots"] if slot["window"]]
    opened = {slot["window"]["opensAt"][:10]: [works[id] for id in slot["works"]] for slot in windows}
    assert any(work["component"].startswith("Node OS") for work in opened["2026-12-01"])
    assert not opened.get("2027-01-05"), "the year-end freeze allows security patches only"
    kubernetes = [day for day, there in opened.items() if any(work["change"] == "kubernetes-minor" for work in there)]
    assert kubernetes[0] == "2027-02-02", "four weeks' notice, and a freeze in between"


@pytest.fixture
def planned(say):
    """The demo's night, rehearsed once."""
    say(f"plan nodes -l {SELECTOR} --from {dump_path()} --window {WINDOW} --delete-emptydir-data --save night.plan")
    with standing_at(parse_instant(FRIDAY)):
        args = ["rehearse", "night.plan", "--from", str(dump_path()), "--seeds", "1", "--no-compare", "--workers", "1"]
        assert CliRunner().invoke(main, args).exit_code == 0
    return "night.plan"


@pytest.mark.requirement("R-C2")
def test_people_are_told_what_they_will_notice_each_once(say, planned, monkeypatch):
    (text,) = say(f"notices preview {planned} --audience users --kind announcement")["items"]
    for words in ("wishlist", "mail-sender", "media"):
        assert words in text["subject"], "who is interrupted cannot tell it from the subject"
    assert "wishlist (shop)" in text["body"]
    assert "You do not have to do anything." in text["body"]
    assert text["dueBy"].startswith("2026-11-26T22:00")
    with Mailbox() as mailbox:
        monkeypatch.setenv(VARIABLE, mailbox.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        assert say(f"notices send {planned} --by on-call")["counts"] == {"sent": 2}
        assert say(f"notices send {planned} --by on-call")["counts"] == {"kept": 2}
        assert [letter["data"]["audience"] for letter in mailbox.letters] == ["users", "developers"]
        reminded = say(f"notices send {planned} --by on-call", at="2026-11-30T09:00:00+01:00")
        assert reminded["counts"] == {"kept": 2, "sent": 2}


@pytest.mark.requirement("R-D1")
def test_the_checklist_sees_what_is_wrong_and_what_was_mended(say, folder, planned):
    first = _boxes(say(f"checklist before {planned} --from {dump_path()}"))
    assert first["failed"] >= {"pods-healthy", "releases-well", "flux-well", "backups-recent", "certificates-last"}
    assert first["done"] >= {"rehearsed", "nodes-ready", "budgets-allow", "room", "window-agreed"}
    later = _boxes(say(f"checklist before {planned} --from {folder / 'evening.json.gz'}", at=NIGHT))
    assert later["failed"] & {"releases-well", "flux-well", "backups-recent", "certificates-last"} == set()
    assert "pods-healthy" in later["failed"], "one mailer crashes all the time, and somebody has to say so"
    assert "rehearsed" in later["failed"], "the rehearsal is eleven days old"


def _boxes(checklist) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for item in checklist["items"]:
        found.setdefault(item["state"], set()).add(item["id"])
    return found
