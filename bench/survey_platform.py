"""A whole survey of a large cluster: CPU and memory, from the API server's bytes to an inventory and its file.

5,000 nodes, 150,000 pods, 3,750 Deployments, 500 Helm releases of ten revisions with manifests of 100 kB, 200 CRDs,
4,000 vulnerability reports. A child process runs the survey itself, with everything in it but HTTP: each request goes
to this process, which answers as an API server would, so that making the answers is not counted. The baseline reads
a sample of the releases as a script does: json, base64, gzip, and PyYAML over the manifest. The ratio holds on any
machine; the seconds are this one's.

    python bench/survey_platform.py [--pods 150000] [--nodes 5000] [--releases 500] [--reports 4000]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import gzip
import json
import resource
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from _platform_server import REVISIONS, Server, packed

GOAL_CPU_S = 30.0
GOAL_RSS_MB = 500.0
SAMPLE = 20
_SIZES = ("pods", "nodes", "releases", "reports")


def main() -> None:
    """Measure, print JSON and a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=150_000)
    parser.add_argument("--nodes", type=int, default=5_000)
    parser.add_argument("--releases", type=int, default=500)
    parser.add_argument("--reports", type=int, default=4_000)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(child()), flush=True)
        return
    ours = measure(Server(*(getattr(arguments, name) for name in _SIZES)))
    lost = [name for name in _SIZES if ours[name] != getattr(arguments, name)]
    if lost or ours["missing"]:
        raise SystemExit(f"not all was read ({', '.join(lost) or ours['missing']}): the figures would mean nothing")
    mine, script = per_release()
    met = ours["cpuSeconds"] <= GOAL_CPU_S and ours["rssMegabytes"] <= GOAL_RSS_MB
    releases = {"milliseconds": mine, "scriptMilliseconds": script, "ratio": round(script / mine, 1)}
    goals = {"cpuSeconds": GOAL_CPU_S, "rssMegabytes": GOAL_RSS_MB, "met": met}
    print(json.dumps({"survey": ours, "release": releases, "goals": goals}))
    print(f"\n{ours['requests']:,} requests answered with {ours['megabytes']:,} MB")
    print(f"survey  {ours['cpuSeconds']:6.1f} s CPU  {ours['rssMegabytes']:5.0f} MB at most")
    print(f"saving  {ours['saveSeconds']:6.1f} s CPU  {ours['savedMegabytes']:5.1f} MB file")
    print(f"a release {mine:.1f} ms; a script with a YAML loader {script:.0f} ms: {releases['ratio']} times less CPU")
    print(f"goal {GOAL_CPU_S:.0f} s CPU and {GOAL_RSS_MB:.0f} MB: {'met' if met else 'missed'}")


def measure(server: Server) -> dict[str, Any]:
    """Answer the child's requests until it says what it measured of itself."""
    total = requests = 0
    said: dict[str, Any] = {}
    argv = [sys.executable, __file__, "--child"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            if "path" not in said:
                break
            code, body = server.answer(said["path"], said["query"])
            total, requests = total + len(body), requests + 1
            process.stdin.write(struct.pack("<II", code, len(body)) + body)
            process.stdin.flush()
    if process.returncode or "path" in said or not said:
        raise SystemExit("the child failed")
    return {**said, "requests": requests, "megabytes": round(total / 1e6)}


class PipeTransport:
    """Stands for the HTTP transport: asks the parent process."""

    class access:  # an attribute of the transport
        context = "bench"
        ca_digest = ""

    async def ask(self, call: Any) -> Any:
        return await self.send(call)

    async def send(self, call: Any) -> Any:
        from shipkeeper.integrations.kubernetes.calls import Answer

        print(json.dumps({"path": call.path, "query": dict(call.query)}), flush=True)
        code, size = struct.unpack("<II", sys.stdin.buffer.read(8))
        return Answer(code, sys.stdin.buffer.read(size))


def child() -> dict[str, Any]:
    """One survey, and its file."""
    from shipkeeper.app.inventory_file import save
    from shipkeeper.app.survey_live import survey_live
    from shipkeeper.integrations.kubernetes.source import KubeSource

    begun = time.process_time()
    source = KubeSource(PipeTransport())  # type: ignore[arg-type]
    found = asyncio.run(survey_live(source, 1_795_262_400_000))
    cpu_s = time.process_time() - begun
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with tempfile.NamedTemporaryFile() as file:
        begun = time.process_time()
        save(found, file.name)
        save_s, size = time.process_time() - begun, Path(file.name).stat().st_size
    return {
        "pods": len(found.pods),
        "nodes": len(found.nodes),
        "releases": sum(item.whole for item in found.releases),
        "reports": len(found.vulnerability_reports),
        "objects": sum(len(item.objects) for item in found.releases),
        "missing": [item.what for item in found.missing],
        "cpuSeconds": round(cpu_s, 2),
        "rssMegabytes": round(rss, 1),
        "saveSeconds": round(save_s, 2),
        "savedMegabytes": round(size / 1e6, 1),
    }


def per_release() -> tuple[float, float]:
    """(ours, a script's) milliseconds of CPU a release, over the same sample."""
    import yaml

    from shipkeeper.semantics.wire.platform.releases import Record, unpack

    sample = [packed(number, REVISIONS) for number in range(SAMPLE)]
    begun = time.process_time()
    ours = [len(unpack(Record("ns", "x", "x", REVISIONS, "deployed"), 0, data).objects) for data in sample]
    middle = time.process_time()
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    theirs = []
    for data in sample:
        body = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(data))))
        theirs.append(sum(1 for item in yaml.load_all(body["manifest"], Loader=loader) if item))
    ended = time.process_time()
    if ours != theirs:
        raise SystemExit("the two find different numbers of objects: the ratio would mean nothing")
    return round((middle - begun) / SAMPLE * 1e3, 2), round((ended - middle) / SAMPLE * 1e3, 1)


if __name__ == "__main__":
    main()
