"""What a run leaves, and what it holds: a quarantined node given back, and a wait that keeps nobody out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.real.conftest import RUNNER
from tests.real.harness import night, platformfile, record, rights
from tests.real.harness.crash import SHORT
from tests.real.harness.platformfile import Settings
from tests.real.harness.product import FAILED, OK, REFUSED, Product
from tests.real.plane import waits
from tests.real.plane.api import Api
from tests.real.plane.cluster import Size, build
from tests.real.plane.manifests import Times, Workload
from tests.real.plane.plane import Plane

pytestmark = pytest.mark.real

NEVER = Workload("Deployment", "team-1", "never", 1, Times(300, 300), {"maxUnavailable": 0})


@pytest.fixture(scope="module")
def product(plane: Plane, api: Api, runner: Path, tmp_path_factory: pytest.TempPathFactory) -> Product:
    folder = tmp_path_factory.mktemp("release")
    built = build(api, Size.small(), (NEVER,))
    settings = Settings(SHORT.down, night.reboot_s(plane, folder, SHORT), SHORT.stable_ready)
    rights.apply(api, rights.all_shipped(), RUNNER)
    found = Product(folder, runner, platformfile.write(folder, plane, built, settings))
    night.survey(found)
    return found


def lease_holder(api: Api) -> str:
    lease = api.find("Lease", "shipkeeper", "kube-system")
    return (lease or {}).get("spec", {}).get("holderIdentity") or ""


def test_a_quarantined_node_is_given_back_on_the_run_s_record(api: Api, product: Product) -> None:
    (pod,) = [pod for pod in api.list("Pod", "team-1") if pod["metadata"]["labels"].get("app") == "never"]
    node = pod["spec"]["nodeName"]
    planned = night.plan(product, "stuck", [node], "--on-blocked", "quarantine")
    run, answer = night.run(product, planned, codes=(FAILED,))
    assert f"shipkeeper runs release --kubeconfig {product.kubeconfig} {run} {node}" in answer.err, answer
    (left,) = night.status(product, run)["left"]
    assert left["next"] == f"shipkeeper runs release {run} {node}"
    assert night.unclean(api), "the node is not in quarantine"
    done = product.call("runs", "release", run, node, "--reason", "the owner was told", *product.live())
    assert f"{node} released by {RUNNER}" in done.err, done
    assert night.unclean(api) == []
    rows = night.rows(product, run)
    assert record.broken(rows) is None
    assert [row.event["decision"] for row in rows if row.kind == "decided"] == ["release"]
    assert lease_holder(api) == ""
    assert night.status(product, run)["left"][0]["next"] == ""
    again = product.call("runs", "release", run, node, *product.live(), codes=(REFUSED,))
    assert "takes pods already" in again.err
    product.call("evidence", "write", run, "--out", "report", codes=(OK,))
    product.call("evidence", "verify", "report", codes=(OK,))


def test_a_run_that_waits_holds_no_lease_and_is_single_all_the_same(api: Api, product: Product) -> None:
    opens = datetime.now(UTC) + timedelta(hours=2)
    window = f"{opens:%Y-%m-%dT%H:%M}/{opens + timedelta(hours=3):%H:%M} UTC"
    (first, *_) = sorted(node["metadata"]["name"] for node in api.list("Node"))
    planned = night.plan(product, "later", [first], "--window", window)
    before = set(record.runs(product.journal))
    words = ("run", planned.file, *product.live(), "--without-rehearsal", "a test")
    waiting = product.start(*words)

    def begun() -> str | None:
        made = set(record.runs(product.journal)) - before
        return None if made and night.status(product, made.copy().pop())["state"] == "waiting" else waiting.text()

    waits.until(begun, 60, "the run waits")
    (run,) = set(record.runs(product.journal)) - before
    assert lease_holder(api) == "", "a run that waits keeps others out"
    second = product.call(*words, codes=(REFUSED,))
    assert "another process on this machine" in second.err, second
    said = product.call("runs", "abort", run, *product.live())
    assert "no process here" not in said.err
    assert waiting.wait(60) == FAILED, waiting
    assert night.status(product, run)["state"] == "aborted"
    assert night.unclean(api) == []
