"""`due` and both kinds of `plan` from a saved inventory: CPU seconds, beside merely loading that inventory.

The inventory is that of a cluster of 5,000 nodes and 150,000 pods with 500 Helm releases, the same on every run. Each
verb runs as its user starts it, in a process of its own. The ratio to loading holds on any machine; the seconds are
this one's. `plan propose` estimates the nodes as `plan nodes` does, so it carries that work too.

    python bench/due.py [--nodes 5000] [--pods 150000] [--releases 500]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "bench")]

GOAL_S = 2.0
_LOAD = "import sys; from shipkeeper.app.survey import load_inventory; load_inventory(sys.argv[1])"
PLATFORM = """
name: bench
environments:
  - name: production
    follows: ""
    clusters: [{name: bench}]
    windows: [{name: monthly, rrule: FREQ=MONTHLY;BYDAY=1TU, start: 22:00, duration: 7h, zone: UTC}]
notices: {kubernetesMinor: 4 weeks}
"""


def main() -> None:
    """Make the inventory, measure, print JSON and a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--pods", type=int, default=150_000)
    parser.add_argument("--releases", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        saved, platform = Path(folder) / "bench.inv", Path(folder) / "shipkeeper.yaml"
        platform.write_text(PLATFORM)
        _save(saved, arguments.nodes, arguments.pods, arguments.releases)
        common = ["--from", str(saved), "--platform", str(platform), "--state", folder, "-o", "json"]
        calls = {
            "load only": [sys.executable, "-c", _LOAD, str(saved)],
            "due": _verb("due", *common),
            "plan nodes": _verb("plan", "nodes", *common[:4], "-o", "json", "--action", "none"),
            "plan propose": _verb("plan", "propose", *common),
        }
        bytecode = str(Path(folder) / "bytecode")
        for argv in calls.values():  # an installed package has its bytecode; a checkout makes it the first time
            _cpu_seconds(argv, bytecode)
        spent = {name: _cpu_seconds(argv, bytecode) for name, argv in calls.items()}
    base = spent["load only"]
    result = {
        "nodes": arguments.nodes,
        "pods": arguments.pods,
        "releases": arguments.releases,
        "cpuSeconds": {name: round(seconds, 2) for name, seconds in spent.items()},
        "ratioToLoading": {name: round(seconds / base, 2) for name, seconds in spent.items()},
        "goalSeconds": GOAL_S,
        "met": all(spent[name] <= GOAL_S for name in calls if name != "load only"),
    }
    print(json.dumps(result))
    print(f"\n{arguments.nodes:,} nodes, {arguments.pods:,} pods, {arguments.releases} releases")
    for name, seconds in spent.items():
        print(f"  {name:<14} {seconds:6.2f} s CPU   {seconds / base:5.2f} × loading")


def _verb(*words: str) -> list[str]:
    return [sys.executable, "-m", "shipkeeper", *words]


def _cpu_seconds(argv: list[str], bytecode: str) -> float:
    """User and system time of a child process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONPYCACHEPREFIX": bytecode}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def _save(path: Path, nodes: int, pods: int, releases: int) -> None:
    from msgspec.structs import replace

    from rehearsal import platform
    from shipkeeper.app.inventory_file import save
    from shipkeeper.model.cluster import ClusterIdentity
    from shipkeeper.model.facts import ImageUse
    from shipkeeper.model.releases import ManifestObject, Release

    objects = tuple(ManifestObject("apps/v1", "Deployment", "apps", f"app-{number}") for number in range(40))
    inventory = replace(
        platform(nodes, pods),
        identity=ClusterIdentity(name="bench", uid="uid-bench", server_version="v1.34.2"),
        images=tuple(ImageUse(f"registry.example/team/app-{number}:1.0", (), 30, ("apps",)) for number in range(2_000)),
        releases=tuple(Release("apps", f"app-{number}", 3, "deployed", "app", "1.0", "1.0", objects=objects)
                       for number in range(releases)),
    )  # fmt: skip
    save(inventory, path)


if __name__ == "__main__":
    main()
