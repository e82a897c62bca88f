"""The test's reboot driver: asks kwok to reboot one of its nodes, and returns.

    python -m tests.real.plane.reboot NODE --kubeconfig F --down 5s

As with a real reboot the command only delivers the request; the node goes down and comes back by
itself, driven by kwok's stages (`scripts/controlplane_lib/stages`), so killing this command or
whoever called it changes nothing. In order:

1. one patch on the node, refused when the node changed meanwhile: the request's id, the instants at
   which it goes down and comes back, and `shipkeeper.test/reboot-count` one higher. This is the
   delivery. The id becomes the new boot id, in the same status write that says Ready.
2. a patch on each pod of the node that is Ready: it is not Ready while the node is down and Ready
   again its own readiness delay after the node came back. A drained node has only daemon and mirror
   pods left; on one that is not drained the workloads' pods suffer too, as they would.
3. a patch on the CSINode: its drivers vanish, and are back a little after the node.

With `--delivered` it asks for nothing and tells whether a request reached the node: exit 0 yes, 1 no. Requests are
told apart by `$SHIPKEEPER_REBOOT_TOKEN`, which the product gives its drivers.

VolumeAttachments are left alone: disks stay attached through a reboot. The controller manager taints
the node and clears the taints by itself.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

if __package__ in (None, ""):
    # Called by its path from a platform file, from any folder.
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.real.plane.api import Api, ApiError, Object, is_ready

PREFIX = "shipkeeper.test/"
DEFAULT_READY_MS = 1000
NEVER_MS = 365 * 24 * 3600 * 1000
TOKEN = "SHIPKEEPER_REBOOT_TOKEN"


@dataclass(frozen=True)
class Request:
    """One reboot: when the node goes down and how long it stays so."""

    node: str
    down_ms: int
    after_ms: int = 200
    csi_after_ms: int = 500
    status: str = "False"
    kernel: str | None = None


def instant(epoch_ms: int) -> str:
    """An instant as RFC 3339 with milliseconds."""
    at = datetime.datetime.fromtimestamp(epoch_ms / 1000, datetime.UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{epoch_ms % 1000:03d}Z"


def duration_ms(text: str) -> int:
    """Milliseconds of `5s`, `300ms`, `2m`, or `never`."""
    if text == "never":
        return NEVER_MS
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: write 300ms, 5s, 2m or never")
    return round(float(found[1]) * {"ms": 1, "s": 1000, "m": 60_000}[found[2]])


def annotation(obj: Object, name: str) -> str | None:
    """One of our own annotations."""
    value = (obj["metadata"].get("annotations") or {}).get(PREFIX + name)
    return None if value is None else str(value)


def count(api: Api, node: str) -> int:
    """How many reboots were delivered to a node since it was created."""
    return int(annotation(api.get("Node", node), "reboot-count") or 0)


def delivered(api: Api, node: str, token: str) -> bool:
    """Whether the newest request that reached the node carried that token."""
    return annotation(api.get("Node", node), "token") == token


def _deliver(api: Api, request: Request, identity: str) -> tuple[int, int, int]:
    """Patch the node; when it goes down, when it comes back, the number of this reboot."""
    for _ in range(20):
        node = api.get("Node", request.node)
        number = int(annotation(node, "reboot-count") or 0) + 1
        down_at = time.time_ns() // 1_000_000 + request.after_ms
        up_at = down_at + request.down_ms
        wanted = {
            "reboot-id": identity,
            "down-at": instant(down_at),
            "up-at": instant(up_at),
            "down-status": request.status,
            "reboot-count": str(number),
        }
        if request.kernel is not None:
            wanted["kernel"] = request.kernel
        if token := os.environ.get(TOKEN):
            wanted["token"] = token
        meta = {
            "resourceVersion": node["metadata"]["resourceVersion"],
            "annotations": {PREFIX + key: value for key, value in wanted.items()},
        }
        try:
            api.patch("Node", request.node, {"metadata": meta})
        except ApiError as error:
            if error.status != 409:
                raise
        else:
            return down_at, up_at, number
    raise RuntimeError(f"{request.node} changes too fast to be patched")


def _annotate(api: Api, kind: str, obj: Object, values: dict[str, str]) -> None:
    meta = obj["metadata"]
    body = {"metadata": {"annotations": {PREFIX + key: value for key, value in values.items()}}}
    try:
        api.patch(kind, meta["name"], body, meta.get("namespace"))
    except ApiError as error:
        # The pod may have gone meanwhile.
        if error.status != 404:
            raise


def reboot(api: Api, request: Request) -> Object:
    """Deliver one reboot; what was asked for, for a log."""
    identity = str(uuid.uuid4())
    down_at, up_at, number = _deliver(api, request, identity)
    common = {"reboot-id": identity, "down-at": instant(down_at)}
    for pod in api.list("Pod", fieldSelector=f"spec.nodeName={request.node}"):
        pending = annotation(pod, "reboot-id") != annotation(pod, "rebooted")
        if pod["metadata"].get("deletionTimestamp") or not (is_ready(pod) or pending):
            continue
        ready_ms = int(annotation(pod, "ready-ms") or DEFAULT_READY_MS)
        _annotate(api, "Pod", pod, {**common, "ready-at": instant(up_at + ready_ms)})
    csi_node = api.find("CSINode", request.node)
    if csi_node is not None:
        drivers = csi_node["spec"].get("drivers") or []
        values = {**common, "ready-at": instant(up_at + request.csi_after_ms)}
        if drivers:
            values["drivers"] = json.dumps(drivers)
        _annotate(api, "CSINode", csi_node, values)
    return {
        "node": request.node,
        "id": identity,
        "number": number,
        "downAt": instant(down_at),
        "upAt": instant(up_at),
    }


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="reboot", description="Reboot a kwok node.")
    parser.add_argument("node")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--down", type=duration_ms, default=5000, help="5s, 300ms, never")
    parser.add_argument("--after", type=duration_ms, default=200, help="before it goes down")
    parser.add_argument("--csi-after", type=duration_ms, default=500)
    parser.add_argument("--status", choices=("False", "Unknown"), default="False")
    parser.add_argument("--kernel", default=None, help="the kernel it comes back with")
    parser.add_argument("--delivered", action="store_true", help="only tell whether it was asked for")
    parser.add_argument("--log", type=Path, default=None, help="append a line of JSON here")
    parser.add_argument(
        "--fault",
        choices=("none", "refuse", "lost-answer", "hang"),
        default="none",
        help="refuse: fail, nothing delivered; lost-answer: delivered, yet fail; hang: delivered, never answers",
    )
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """The command; its exit code."""
    given = _arguments(argv)
    if given.delivered:
        with Api.of(given.kubeconfig) as api:
            return 0 if delivered(api, given.node, os.environ[TOKEN]) else 1
    if given.fault == "refuse":
        print(f"{given.node}: management controller refuses", file=sys.stderr)
        return 1
    request = Request(given.node, given.down, given.after, given.csi_after, given.status, given.kernel)
    with Api.of(given.kubeconfig) as api:
        line = json.dumps(reboot(api, request))
    if given.log is not None:
        with given.log.open("a") as log:
            log.write(line + "\n")
    if given.fault == "hang":
        time.sleep(3600)
    if given.fault == "lost-answer":
        print(f"{given.node}: no answer from management controller", file=sys.stderr)
        return 1
    print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
