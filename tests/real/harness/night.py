"""A maintenance night, verb after verb, as a user types it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.harness import platformfile, record
from tests.real.harness.platformfile import Settings
from tests.real.harness.product import DOES_NOT_FIT, OK, ROOT, Answer, Product
from tests.real.plane.api import Api
from tests.real.plane.plane import Plane

BASELINE = ROOT / "scripts" / "kubectl_drain_baseline"
INVENTORY = "night.inv"


@dataclass(frozen=True)
class Planned:
    """A plan file and its content."""

    file: str
    plan: dict[str, Any]

    @property
    def nodes(self) -> list[str]:
        """In the order of their turns."""
        return [node for batch in self.plan["batches"] for node in batch]


def survey(product: Product) -> dict[str, Any]:
    """Survey the live cluster into ``night.inv``; nothing may be missing but Helm's releases, an optional right."""
    found: dict[str, Any] = product.call("survey", *product.live(), "--save", INVENTORY, "-o", "json").json
    missing = [row for row in found["missing"] if row.get("field") != "releases"]
    assert missing == [], missing
    return found


def plan(product: Product, name: str, nodes: Sequence[str], *flags: str) -> Planned:
    """Plan these nodes from the last survey."""
    file = f"{name}.plan"
    words = ("plan", "nodes", *nodes, "--from", INVENTORY, *product.with_platform(), *flags, "--save", file)
    return Planned(file, product.call(*words, "-o", "json").json)


def rehearse(product: Product, planned: Planned, seeds: int = 50, codes: Sequence[int] = (OK,)) -> dict[str, Any]:
    """Rehearse it; the forecast."""
    words = ("rehearse", planned.file, "--from", INVENTORY, "--seeds", str(seeds), "--no-compare", "-o", "json")
    found: dict[str, Any] = product.call(*words, codes=codes).json
    return found


def blocked(product: Product, planned: Planned) -> list[dict[str, Any]]:
    """Rehearse a plan that cannot be carried out; what blocks it."""
    forecast = rehearse(product, planned, seeds=10, codes=(DOES_NOT_FIT,))
    assert forecast["verdict"] == "blocked", forecast["verdict"]
    rows: list[dict[str, Any]] = forecast["blocked"]
    return rows


def run(product: Product, planned: Planned, codes: Sequence[int] = (OK,), timeout_s: float = 600) -> tuple[str, Answer]:
    """Carry it out to its end, or to where it holds; the run's id and how the call ended."""
    before = set(record.runs(product.journal))
    answer = product.call("run", planned.file, *product.live(), codes=codes, timeout_s=timeout_s)
    (made,) = set(record.runs(product.journal)) - before
    return made, answer


def resume(product: Product, run_id: str, codes: Sequence[int] = (OK,), timeout_s: float = 600) -> Answer:
    """Go on with a run."""
    return product.call("run", "--resume", run_id, *product.live(), codes=codes, timeout_s=timeout_s)


def status(product: Product, run_id: str) -> dict[str, Any]:
    """What ``runs status`` says."""
    found: dict[str, Any] = product.call("runs", "status", run_id, "-o", "json").json
    return found


def rows(product: Product, run_id: str) -> list[record.Row]:
    """The run's journal."""
    return record.rows(product.journal, run_id)


def driver_start_s(plane: Plane, folder: Path) -> float:
    """Seconds from starting the reboot driver until it could deliver, the quickest of three."""
    argv = [word.replace("{node}", "nobody") for word in platformfile.driver_argv(plane, Settings(fault="refuse"))]
    found = []
    for _ in range(3):
        begun = time.monotonic()
        subprocess.run(argv, cwd=folder, capture_output=True, check=False)
        found.append(time.monotonic() - begun)
    return min(found)


def reboot_s(plane: Plane, folder: Path, settings: Settings) -> float:
    """From the request until Ready: the driver's start, 200 ms until the node goes down, and how long it stays so."""
    down = float(re.sub(r"s$", "", settings.down))
    return driver_start_s(plane, folder) + 0.2 + down


def baseline(plane: Plane, nodes: Sequence[str], settings: Settings) -> dict[str, Any]:
    """The same nodes by a plain ``kubectl drain`` loop, with the same reboots and the same readiness wait."""
    ready_for = re.sub(r"s$", "", settings.stable_ready)
    argv = [sys.executable, str(BASELINE), "--kubeconfig", str(plane.kubeconfig), "--kubectl", str(plane.kubectl)]
    argv += ["--ready-for", ready_for, *nodes, "--", *platformfile.driver_argv(plane, settings)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def unclean(api: Api) -> list[str]:
    """Nodes that a run left cordoned, not Ready, tainted or marked; empty after a good night."""
    found = []
    for node in api.list("Node"):
        name, spec = node["metadata"]["name"], node["spec"]
        marks = [key for key in node["metadata"].get("annotations") or {} if key.startswith("maintenance.shipkeeper")]
        ready = any(row["type"] == "Ready" and row["status"] == "True" for row in node["status"]["conditions"])
        if spec.get("unschedulable") or spec.get("taints") or marks or not ready:
            found.append(f"{name}: unschedulable={spec.get('unschedulable')} taints={spec.get('taints')} marks={marks}")
    return found
