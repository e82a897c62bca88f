"""Objects as the Kubernetes API writes them, small."""

from __future__ import annotations

import json
from typing import Any

STAMP = "2026-01-02T03:04:05Z"
STAMP_MS = 1_767_323_045_000


def meta(name: str, namespace: str | None = "shop", **more: Any) -> dict[str, Any]:
    head: dict[str, Any] = {"name": name, "uid": f"uid-{namespace or ''}-{name}", "creationTimestamp": STAMP}
    if namespace:
        head["namespace"] = namespace
    return head | more


def container(name: str = "main", **more: Any) -> dict[str, Any]:
    return {"name": name, "image": f"registry.example/{name}:1"} | more


def asks(**requests: Any) -> dict[str, Any]:
    return {"resources": {"requests": requests}}


def pod(
    name: str = "web-1", namespace: str = "shop", *, spec: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    head = meta(name, namespace, **more.pop("metadata", {}))
    full = {"containers": [container(**asks(cpu="100m", memory="64Mi"))], "nodeName": "n1"} | (spec or {})
    status = {
        "phase": "Running",
        "conditions": [
            {"type": "PodScheduled", "status": "True", "lastTransitionTime": STAMP},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-02T03:04:15Z"},
        ],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": head, "spec": full, "status": status} | more


def listing(
    items: list[dict[str, Any]], kind: str = "List", api_version: str = "v1", **metadata: str
) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "items": items}


def encode(value: Any) -> bytes:
    return json.dumps(value).encode()
