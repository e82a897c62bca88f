"""Write the demo's dump: ``python -m shipkeeper.app.demo_platform.generate [FILE]``."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

from shipkeeper.app.demo_platform import dump_path
from shipkeeper.app.demo_platform.build import build
from shipkeeper.app.demo_platform.crds import NONE_OF
from shipkeeper.app.demo_platform.naming import FIRST, Moment
from shipkeeper.app.demo_platform.nodes import KUBELET, facts
from shipkeeper.app.demo_platform.placing import machines
from shipkeeper.app.demo_platform.podspec import Json


def document(moment: Moment = FIRST) -> bytes:
    """The dump, unpacked: what ``kubectl get … -A -o json; kubectl version -o json`` print one after the other.

    Then an empty List of each kind that is installed and has no objects, as ``kubectl get --raw`` prints it.
    """
    empty: list[Json] = [{"apiVersion": api, "items": [], "kind": f"{kind}List"} for api, kind in NONE_OF]
    version = {"serverVersion": {"gitVersion": KUBELET, "major": "1", "minor": "35", "platform": "linux/amd64"}}
    return b"".join(
        json.dumps(part, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        for part in (build(moment), version, *empty)
    )


def packed(moment: Moment = FIRST) -> bytes:
    """The dump, gzipped without a time."""
    return gzip.compress(document(moment), compresslevel=9, mtime=0)


def host_facts(moment: Moment = FIRST) -> bytes:
    """What the nodes' operating systems tell, one object a line: ``survey --facts``."""
    return b"".join(json.dumps(facts(machine, moment), sort_keys=True).encode() + b"\n" for machine in machines())


def main() -> None:
    """Write the dump."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else dump_path()
    path.write_bytes(packed())


if __name__ == "__main__":
    main()
