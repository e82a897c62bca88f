"""The doctor before a scripted API server and real folders: every ailment is told, with how to mend it."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from shipkeeper.app.diagnosis import Check, Diagnosis
from shipkeeper.app.doctor import Question, examine
from shipkeeper.app.doctor_here import channel_checks
from shipkeeper.app.doctor_rights import Right, in_words
from shipkeeper.cli.main import main
from shipkeeper.model.cluster import ClusterIdentity
from shipkeeper.model.plan import Plan, PlanWindow, RebootPlan
from shipkeeper.model.platform import Channel, Platform
from shipkeeper.model.time import HOUR, SECOND, iso
from shipkeeper.planning.document import encode_plan
from shipkeeper.planning.propose import propose_nodes
from shipkeeper.planning.request import NodesRequest
from tests import builders as b
from tests.client.helpers import NOW_MS, Clock
from tests.client.server import FakeApi, Reply, Request, failure

UID = "cluster-uid-1"
CANARY = "bmc-password-canary"
ENVIRON = {"PATH": os.environ["PATH"]}


class Server:
    """An API server whose answers can be made wrong, one at a time."""

    def __init__(self, **answers: Reply) -> None:
        self.answers = answers
        self.denied: set[tuple[str, str]] = set()
        """(verb, resource) that are refused."""
        self.asked: list[dict[str, Any]] = []
        self.writes: list[str] = []
        self.karpenter = False

    def __call__(self, request: Request) -> Reply:
        for part, reply in self.answers.items():
            if part.replace("_", "/") in request.path:
                return reply
        if request.path == "/version":
            return Reply(body={"gitVersion": "v1.36.3"})
        if request.path.endswith("/selfsubjectreviews"):
            return Reply(201, {"status": {"userInfo": {"username": "jo@acme"}}})
        if request.path.endswith("/selfsubjectaccessreviews"):
            asked = request.json["spec"]["resourceAttributes"]
            self.asked.append(asked)
            whole = asked["resource"] + ("/" + asked["subresource"] if "subresource" in asked else "")
            return Reply(201, {"status": {"allowed": (asked["verb"], whole) not in self.denied}})
        if request.method != "GET":
            self.writes.append(f"{request.method} {request.path}")
        if request.path == "/api/v1/namespaces/kube-system":
            return Reply(body={"kind": "Namespace", "metadata": {"name": "kube-system", "uid": UID}})
        if request.path in ("/api", "/apis"):
            groups = [karpenter()] if self.karpenter and request.path == "/apis" else []
            return Reply(body={"kind": "APIGroupDiscoveryList", "items": groups})
        if "/karpenter.sh/" in request.path:
            return failure(403, "Forbidden", "no")
        if request.path == "/api/v1/nodes":
            return Reply(body={"kind": "NodeList", "metadata": {"resourceVersion": "1"}, "items": NODES})
        return failure(404, "NotFound", "not found")


def node(name: str, address: str = "10.0.0.7") -> dict[str, Any]:
    addresses = [{"type": "InternalIP", "address": address}] if address else []
    return {
        "metadata": {"name": name, "uid": f"uid-{name}", "resourceVersion": "1"},
        "spec": {},
        "status": {"addresses": addresses, "nodeInfo": {"bootID": "boot"}},
    }


def karpenter() -> dict[str, Any]:
    resource = {"resource": "nodepools", "responseKind": {"kind": "NodePool"}, "scope": "Cluster", "verbs": ["list"]}
    return {"metadata": {"name": "karpenter.sh"}, "versions": [{"version": "v1", "resources": [resource]}]}


NODES = [node("n1"), node("n2")]


def plan(**changes: Any) -> Plan:
    made = propose_nodes(b.inventory(*b.nodes(2)), NodesRequest(), Platform(), b.NOW)
    identity = ClusterIdentity(uid=UID, ca_digest="", server_version="v1.36.3", name="acme")
    nodes = tuple(replace(item, uid=f"uid-{item.name}") for item in made.nodes)
    fields = {"cluster": identity, "nodes": nodes, "reboot": RebootPlan(driver="ssh", argv=("true", "{address}"))}
    return replace(made, **(fields | changes)).sealed()


def kubeconfig(folder: Path, url: str, user: str = "{}") -> Path:
    path = folder / "kubeconfig"
    path.write_text(
        f"""
apiVersion: v1
kind: Config
current-context: acme
contexts: [{{name: acme, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{url}"}}}}]
users: [{{name: u, user: {user}}}]
"""
    )
    return path


def see(folder: Path, server: Server | None = None, late_ms: int = 0, **question: Any) -> Diagnosis:
    """The doctor's answer; ``late_ms``: how far this machine's clock is ahead."""

    async def main() -> Diagnosis:
        async with FakeApi(server or Server()).running() as api:
            clock = Clock()
            timing = clock.timing(now_ms=lambda: NOW_MS + late_ms)
            asked = {"kubeconfig": str(kubeconfig(folder, api.url)), "state": str(folder / "state")} | question
            return await examine(Question(**asked), ENVIRON, folder, timing)

    return asyncio.run(main())


def of(found: Diagnosis, id: str) -> Check:
    checks = [check for check in found.checks if check.id == id]
    assert len(checks) == 1, f"{id} is told {len(checks)} times in {[check.id for check in found.checks]}"
    return checks[0]


def test_all_in_order_is_exit_0_and_changes_nothing_on_the_cluster(tmp_path: Path) -> None:
    server = Server()
    found = see(tmp_path, server)
    bad = [check for check in found.checks if check.state in ("failed", "unknown")]
    assert found.exit_code == 0, bad
    assert of(found, "who").reading == "jo@acme"
    assert server.writes == [], "the doctor wrote to the cluster"
    assert {"verb": "create", "resource": "pods", "subresource": "eviction"} in server.asked
    lease = {"group": "coordination.k8s.io", "resource": "leases", "verb": "update"}
    assert {**lease, "name": "shipkeeper", "namespace": "kube-system"} in server.asked


def test_a_cluster_that_cannot_be_reached_is_exit_7_and_the_rest_is_unknown(tmp_path: Path) -> None:
    for name, server in (
        ("unauthenticated", Server(version=failure(401, "Unauthorized", "no"))),
        ("busy", Server(version=failure(503, "ServiceUnavailable", "down"))),
    ):
        found = see(tmp_path, server)
        assert found.exit_code == 7, name
        assert of(found, "reach").state == "failed"
        assert of(found, "who").state == "unknown", "what was not asked is called in order"
        assert of(found, "journal").state == "ok", "this machine is not looked at when the cluster is away"


def test_each_missing_right_is_named_with_what_grants_it(tmp_path: Path) -> None:
    server = Server()
    server.denied = {("create", "pods/eviction"), ("list", "priorityclasses")}
    found = see(tmp_path, server)
    survey, run = of(found, "survey's rights"), of(found, "run's rights")
    assert survey.state == "failed"
    assert "list priorityclasses.scheduling.k8s.io" in survey.reading
    assert "survey.yaml" in survey.mend
    assert run.state == "warning", "whoever only surveys is told that something failed"
    assert "create pods/eviction" in run.reading
    assert "runner.yaml" in run.mend
    strict = see(tmp_path, server, plan=plan())
    assert of(strict, "run's rights").state == "failed", "a plan that cannot be carried out is called in order"
    assert strict.exit_code == 1


def test_a_plan_s_rights_are_asked_for_its_own_nodes(tmp_path: Path) -> None:
    server = Server()
    assert see(tmp_path, server, plan=plan()).exit_code == 0
    patched = sorted(item.get("name", "*") for item in server.asked if item["verb"] == "patch")
    assert patched == ["n1", "n2"]


def test_rights_that_may_not_be_asked_about_are_unknown(tmp_path: Path) -> None:
    found = see(tmp_path, Server(selfsubjectaccessreviews=failure(403, "Forbidden", "no")))
    assert of(found, "run's rights").state == "unknown"
    assert found.exit_code == 1, "not known was taken for in order"


def test_other_maintenance_software_s_objects_matter_only_where_it_is_installed(tmp_path: Path) -> None:
    server = Server()
    server.denied = {("list", "nodepools")}
    assert of(see(tmp_path, server), "survey's rights").state == "ok"
    server.karpenter = True
    found = of(see(tmp_path, server), "survey's rights")
    assert (found.state, "list nodepools.karpenter.sh" in found.reading) == ("failed", True), found


@pytest.mark.parametrize(("late_ms", "state"), [(0, "ok"), (5_900, "ok"), (6_100, "failed"), (-5_100, "failed")])
def test_clocks_more_than_five_seconds_apart_fail(tmp_path: Path, late_ms: int, state: str) -> None:
    assert of(see(tmp_path, late_ms=late_ms), "clock").state == state


@pytest.mark.parametrize(
    ("version", "state"),
    [("v1.27.9", "failed"), ("v1.33.1", "warning"), ("v1.34.4+k3s1", "ok"), ("v1.37.0", "warning"), ("x", "unknown")],
)
def test_the_server_s_minor_is_judged(tmp_path: Path, version: str, state: str) -> None:
    found = see(tmp_path, Server(version=Reply(body={"gitVersion": version})))
    assert of(found, "reach").state == state, of(found, "reach")


@pytest.mark.parametrize(
    ("holder", "age_s", "state", "said"),
    [("", 0, "ok", "is free"), ("run-7", 10, "warning", "held by run-7"), ("run-7", 90, "warning", "left by run-7")],
)
def test_who_holds_the_lease_is_told(tmp_path: Path, holder: str, age_s: int, state: str, said: str) -> None:
    renewed = iso(NOW_MS - age_s * SECOND).replace("Z", ".000000Z")
    lease = {
        "metadata": {"name": "shipkeeper", "namespace": "kube-system", "uid": "l", "resourceVersion": "1"},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 45, "renewTime": renewed, "leaseTransitions": 1},
    }
    found = of(see(tmp_path, Server(leases_shipkeeper=Reply(body=lease))), "lease")
    assert (found.state, said in found.reading) == (state, True), found


def test_a_plan_for_another_cluster_or_with_other_machines_fails(tmp_path: Path) -> None:
    other = ClusterIdentity(uid="another", ca_digest="", server_version="v1.36.3", name="acme")
    assert of(see(tmp_path, plan=plan(cluster=other)), "plan's cluster").state == "failed"
    made = plan()
    swapped = plan(nodes=(replace(made.nodes[0], uid="old"), made.nodes[1]))
    assert "n1 is another machine" in of(see(tmp_path, plan=swapped), "plan's nodes").reading
    lacking = RebootPlan(driver="cloud", argv=("true", "{providerID}"))
    found = of(see(tmp_path, plan=plan(reboot=lacking)), "plan's nodes")
    assert found.state == "failed"
    assert "has no providerID" in found.reading, "the night would find out, with the node drained"


def test_a_program_or_a_secret_that_is_not_here_is_told_and_never_repeated(tmp_path: Path) -> None:
    gone = RebootPlan(driver="bmc", argv=("no-such-ipmi-program", "{address}"))
    assert of(see(tmp_path, plan=plan(reboot=gone)), "reboot driver bmc").state == "failed"
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    references = {"A": f"file:{secret}", "B": "env:NOT_SET"}
    needy = RebootPlan(driver="bmc", argv=("true", "{address}"), environment=references)
    found = see(tmp_path, plan=plan(reboot=needy))
    assert "NOT_SET" in of(found, "reboot driver bmc").reading
    assert CANARY not in repr(found), "the doctor repeated a secret"
    assert of(see(tmp_path, plan=plan(reboot=RebootPlan(driver="manual"))), "reboot driver manual").state == "ok"


def test_the_state_folder_is_looked_at(tmp_path: Path) -> None:
    first, again = see(tmp_path), see(tmp_path)
    assert "made now" in of(first, "key").reading
    key = of(again, "key").reading
    assert "made now" not in key
    assert key.split()[1] == of(first, "key").reading.split()[1], "the key changed between two looks"
    (tmp_path / "state" / "signing.key").chmod(0o644)
    assert "chmod 600" in of(see(tmp_path), "key").mend
    (tmp_path / "state" / "journal.db").write_bytes(b"not a database" * 100)
    broken = see(tmp_path)
    assert of(broken, "journal").state == "failed"
    assert broken.exit_code == 1
    (tmp_path / "file").write_text("")
    assert of(see(tmp_path, state=str(tmp_path / "file" / "x")), "state").state == "failed"


def test_a_platform_file_with_mistakes_is_told(tmp_path: Path) -> None:
    (tmp_path / "shipkeeper.yaml").write_text("name: acme\nrebootDriver: {}\nzone: 7\n")
    found = of(see(tmp_path), "platform")
    assert found.state == "failed"
    assert "shipkeeper.yaml:2" in found.reading


def test_a_credential_that_ends_before_the_plan_does_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shipkeeper.integrations.kubernetes.connect import Connection
    from shipkeeper.integrations.kubernetes.credentials import CredentialFacts

    window = PlanWindow(opens_at=iso(NOW_MS + HOUR), closes_at=iso(NOW_MS + 5 * HOUR))
    for facts, state in (
        (CredentialFacts("token", NOW_MS + 48 * HOUR), "ok"),
        (CredentialFacts("token", NOW_MS + 5 * HOUR), "failed"),
        (CredentialFacts("exec", NOW_MS + HOUR, renewable=True, interactive="Never"), "ok"),
        (CredentialFacts("exec", interactive="Always", command="login"), "failed"),
        (CredentialFacts("certificate", NOW_MS - 1), "failed"),
        (CredentialFacts("none"), "warning"),
    ):

        async def told(self: Connection, facts: CredentialFacts = facts) -> CredentialFacts:
            return facts

        monkeypatch.setattr(Connection, "credential_facts", told)
        found = of(see(tmp_path, plan=plan(window=window)), "credential")
        assert found.state == state, f"{facts}: {found}"


def test_many_rights_are_told_by_resource() -> None:
    some = [Right("apps", f"r{i}", verb) for i in range(8) for verb in ("get", "list")]
    said = in_words(some)
    assert said.startswith("get,list r0.apps; ")
    assert said.endswith("and 2 more")


def test_the_verb_tells_a_context_that_is_not_there(tmp_path: Path) -> None:
    argv = ["doctor", "--kubeconfig", str(kubeconfig(tmp_path, "https://127.0.0.1:9")), "--context", "nope"]
    answer = CliRunner().invoke(main, [*argv, "--state", str(tmp_path / "s"), "-o", "json"])
    told = json.loads(answer.stdout)
    assert answer.exit_code == 2, "a wrong call, as run calls it"
    assert told["kind"] == "Diagnosis"
    assert any(check["id"] == "journal" for check in told["checks"]), "this machine is looked at all the same"
    first = told["checks"][0]
    assert (first["id"], first["state"], first["mend"]) == ("context", "failed", "contexts there are: acme")


def test_the_verb_draws_and_prints_rights(tmp_path: Path) -> None:
    argv = ["doctor", "--kubeconfig", str(kubeconfig(tmp_path, "http://127.0.0.1:9")), "--state", str(tmp_path / "s")]
    drawn = CliRunner().invoke(main, argv)
    assert drawn.exit_code == 7, drawn.output
    assert "✗" in drawn.stdout
    assert "cannot be reached" in drawn.stdout
    assert "| failed | reach |" in CliRunner().invoke(main, [*argv, "-o", "markdown"]).stdout
    shipped = Path(__file__).resolve().parents[2] / "deploy" / "rbac" / "runner.yaml"
    assert CliRunner().invoke(main, ["doctor", "--show-rights"]).stdout == shipped.read_text()
    path = tmp_path / "night.plan"
    path.write_bytes(encode_plan(plan()))
    narrow = CliRunner().invoke(main, ["doctor", "--plan", str(path), "--show-rights", "user:jo"]).stdout
    assert "resourceNames: [n1, n2]" in narrow
    assert "name: jo" in narrow


def test_the_secrets_of_channels_are_looked_for_before_somebody_has_to_be_told() -> None:
    channels = (
        Channel(name="chat", kind="slack", url="env:HOOK"),
        Channel(name="mail", kind="email", server="mail", user="u", password="env:NOT_SET", sender="a@b.c"),
        Channel(
            name="issues", kind="github-issue", url="https://git.example.net/api/v3", token="env:HOOK", project="o/r"
        ),
    )
    found = {check.id: check for check in channel_checks(Platform(channels=channels), {"HOOK": CANARY})}
    assert [check.state for check in found.values()] == ["ok", "warning", "ok"]
    assert "the environment has no NOT_SET" in found["channel mail"].reading
    assert "1 secret can be read" in found["channel issues"].reading, "a service's address is no secret"
    assert CANARY not in repr(found)
