"""``shipkeeper knowledge`` as people call it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from shipkeeper.cli.main import main

AT = ("--at", "2026-11-24T09:00:00Z")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """Call the program in a folder of its own, with a state and settings of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHIPKEEPER_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("SHIPKEEPER_CONFIG", str(tmp_path / "config"))

    def run(*words: str) -> Result:
        monkeypatch.setattr("sys.argv", ["shipkeeper", *words])
        return CliRunner().invoke(main, list(words))

    return run


def packed(call, *words: str) -> str:
    """A signed bundle and its public key in the current folder."""
    done = call("knowledge", "pack", "--out", "k.json", "--at", "2026-11-24T09:00:00Z", *words)
    assert done.exit_code == 0, done.output
    assert call("evidence", "key", "--out", "pub.pem").exit_code == 0
    return "k.json"


def test_show_tells_every_section_with_its_age(call):
    done = call("knowledge", "show", *AT, "-o", "json")
    told = json.loads(done.stdout)
    assert {s["name"] for s in told["sections"]} == {"products", "support", "removals", "quirks", "exploited"}
    assert all(s["issued"] <= "2026-11-24" for s in told["sections"])
    assert "keycloak" in told["products"]
    late = json.loads(call("knowledge", "show", "--at", "2027-12-01T00:00:00Z", "-o", "json").stdout)
    (support,) = (s for s in late["sections"] if s["name"] == "support")
    assert "endoflife.date" in support["stale"], "a year later nobody would see that the dates are old"


@pytest.mark.parametrize("output", ["table", "json", "yaml", "markdown"])
def test_a_product_is_shown_with_its_dates_and_quirks(call, output):
    done = call("knowledge", "show", "keycloak", "--version", "26.1.0", "--to", "26.7.2", *AT, "-o", output)
    assert done.exit_code == 0, done.output
    assert "2025-04-11" in done.stdout
    assert "backup" in done.stdout
    assert "endoflife.date" in done.stdout


def test_keys_are_written_as_all_output_is(call):
    told = json.loads(
        call("knowledge", "show", "keycloak", "--version", "26.1.0", "--to", "26.7.2", *AT, "-o", "json").stdout
    )
    assert told["support"]["latestReleased"] == "2025-04-11"
    assert {"recognisedBy", "pathPolicies", "lines", "quirks", "hits"} <= set(told)


def test_a_product_is_found_by_its_name_or_chart(call):
    for text in ("Trivy operator", "trivy-operator", "TRIVY-OPERATOR", "kube-prometheus-stack"):
        assert call("knowledge", "show", text, *AT).exit_code == 0, text
    done = call("knowledge", "show", "nothing-of-the-kind", "-o", "json")
    assert done.exit_code == 2
    assert json.loads(done.stderr)["code"] == "unknown-product"
    assert call("knowledge", "show", "--version", "1.2").exit_code == 2


def test_a_bundle_is_packed_verified_installed_and_removed(call):
    name = packed(call, "--title", "November")
    told = json.loads(call("knowledge", "verify", name, "--key", "pub.pem", "-o", "json").stdout)
    assert (told["result"], told["title"]) == ("holds", "November")
    assert call("knowledge", "verify", "--key", "pub.pem").exit_code == 2, "nothing is installed yet"
    assert call("knowledge", "update", name, "--key", "pub.pem", "--pin").exit_code == 0
    told = json.loads(call("knowledge", "show", *AT, "-o", "json").stdout)
    assert told["installedIssued"] == "2026-11-24T09:00:00Z"
    assert {s["origin"] for s in told["sections"]} == {"installed", "none"}
    assert call("knowledge", "verify").exit_code == 0, "the pinned key checks what is installed"
    assert json.loads(call("knowledge", "remove", "-o", "json").stdout)["removed"] is True
    assert json.loads(call("knowledge", "remove", "-o", "json").stdout)["removed"] is False


def test_no_key_no_update(call):
    done = call("knowledge", "update", packed(call), "-o", "json")
    assert done.exit_code == 2
    error = json.loads(done.stderr)
    assert error["code"] == "no-knowledge-key"
    assert "--key" in error["hint"]


def test_a_changed_bundle_is_refused_with_the_right_exit_code(call):
    name = packed(call)
    Path(name).write_text(Path(name).read_text().replace("2026-11-24T09", "2026-11-25T09"))
    done = call("knowledge", "update", name, "--key", "pub.pem", "-o", "json")
    assert done.exit_code == 4
    assert json.loads(done.stderr)["code"] == "knowledge-signature"
    Path(name).write_text("{}")
    done = call("knowledge", "update", name, "--key", "pub.pem", "-o", "json")
    assert done.exit_code == 2
    assert json.loads(done.stderr)["location"]["file"] == name
    assert not Path("state/knowledge.json").exists()


def test_a_catalogue_is_packed_for_where_there_is_no_network(call):
    row = {"cveID": "CVE-2025-1974", "dateAdded": "2026-11-20"}
    Path("kev.json").write_text(json.dumps({"dateReleased": "2026-11-20T00:00:00Z", "vulnerabilities": [row]}))
    name = packed(call, "--section", "exploited=kev.json")
    assert call("knowledge", "update", name, "--key", "pub.pem").exit_code == 0
    told = json.loads(call("knowledge", "show", *AT, "-o", "json").stdout)
    (catalogue,) = (s for s in told["sections"] if s["name"] == "exploited")
    assert (catalogue["facts"], catalogue["issued"], catalogue["stale"]) == (1, "2026-11-20", [])


@pytest.mark.parametrize("pair", ["weather=x.json", "exploited", "support=absent.json"])
def test_a_section_that_cannot_be_packed_leaves_no_bundle(call, pair):
    done = call("knowledge", "pack", "--out", "k.json", "--section", pair)
    assert done.exit_code == 2
    assert not Path("k.json").exists()


def test_the_platform_files_own_facts_are_shown(call):
    Path("own.yaml").write_text(
        "source: our subscription\nretrieved: 2026-11-20\n"
        "support: [{product: keycloak, lines: [{line: '26.1', eol: 2027-06-30}]}]\n"
    )
    Path("shipkeeper.yaml").write_text("sources: {knowledge: own.yaml}\n")
    told = json.loads(call("knowledge", "show", "keycloak", "--version", "26.1.0", *AT, "-o", "json").stdout)
    assert told["support"]["eol"] == "2027-06-30"
    assert told["support"]["source"] == "our subscription, retrieved 2026-11-20"
    assert json.loads(call("knowledge", "show", *AT, "-o", "json").stdout)["own"].endswith("own.yaml")


def test_registries_are_not_asked_with_half_an_account(call):
    packed(call)
    done = call("knowledge", "update", "oci://reg.example/a:1", "--key", "pub.pem", "--username", "x", "-o", "json")
    assert done.exit_code == 2
    assert "--password-from" in json.loads(done.stderr)["message"]
    done = call("knowledge", "update", "oci://reg.example/a:1", "--key", "pub.pem", "--plain-http", "-o", "json")
    assert json.loads(done.stderr)["code"] == "plain-http"


def test_due_decides_by_the_facts_that_hold_here(call):
    """An installed bundle and the user's own facts count where a decision is made, not only where facts are shown."""
    component = "components: [{name: keycloak, version: 26.1.0}]\n"
    Path("shipkeeper.yaml").write_text(component)

    def ends() -> str:
        told = json.loads(call("due", *AT, "-o", "json").stdout)
        (line,) = (line for line in told["lifelines"] if line["product"] == "keycloak")
        return line["ends"]

    assert ends() == "2025-04-11"
    Path("own.yaml").write_text(
        "source: our subscription\nretrieved: 2026-11-20\n"
        "support: [{product: keycloak, lines: [{line: '26.1', eol: 2027-06-30}]}]\n"
    )
    Path("shipkeeper.yaml").write_text(component + "sources: {knowledge: own.yaml}\n")
    assert ends() == "2027-06-30"
    Path("shipkeeper.yaml").write_text(component)
    sources = {"s": {"title": "S", "retrieved": "2026-11-20"}}
    lines = [["26.1", "", "", "2028-01-31"]]
    section = {"format": 1, "kind": "support", "issued": "2099-01-01", "sources": sources}
    section["products"] = [{"id": "keycloak", "source": "s", "cycles": lines}]
    Path("support.json").write_text(json.dumps(section))
    name = packed(call, "--section", "support=support.json")
    assert call("knowledge", "update", name, "--key", "pub.pem").exit_code == 0
    assert ends() == "2028-01-31"


def test_what_the_user_knows_better_is_asked_before_an_upgrade_too(call, tmp_path):
    facts = {
        "source": "our own trial",
        "retrieved": "2026-11-01",
        "quirks": [
            {"id": "own-1", "product": "kubernetes", "kind": "step", "what": "Tell the tea kitchen", "upgrade": True}
        ],
    }
    (tmp_path / "facts.json").write_text(json.dumps(facts))
    (tmp_path / "shipkeeper.yaml").write_text("sources: {knowledge: facts.json}\n")
    done = call("upgrade", "path", "kubernetes", "--from-version", "1.34.4", "--to", "1.35", "-o", "json")
    assert done.exit_code == 0, done.output
    assert "Tell the tea kitchen" in done.stdout, "a team's own fact is left out of the way that it goes"


def test_releases_newer_than_the_copy_of_the_dates_name_where_they_were_read(call):
    told = json.loads(
        call("upgrade", "path", "kubernetes", "--from-version", "1.34.4", "--to", "1.36", "-o", "json").stdout
    )
    known = json.dumps(told)
    assert "Go module proxy" in known, "a release of October is said to be from a table read in August"
    assert "endoflife.date" in known
