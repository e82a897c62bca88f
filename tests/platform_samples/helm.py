"""Records of Helm releases, encoded as Helm 3 and 4 encode them."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

CANARY = "canary-helm-51fe"
"""Stands wherever a release holds something secret."""


def chart(name: str = "shop", version: str = "1.4.2", **more: Any) -> dict[str, Any]:
    """A chart as a record holds it: with templates and default values, which are nobody's business here."""
    metadata = {"apiVersion": "v2", "name": name, "version": version, **more}
    return {
        "metadata": metadata,
        "templates": [{"name": "templates/x.yaml", "data": base64.b64encode(CANARY.encode()).decode()}],
        "values": {"password": CANARY, "replicas": 1},
        "files": [{"name": "x", "data": base64.b64encode(CANARY.encode()).decode()}],
    }


MANIFEST = f"""---
# Source: shop/templates/secret.yaml
apiVersion: v1
kind: Secret
metadata:
  name: shop
  namespace: shop
stringData:
  password: {CANARY}
---
# Source: shop/templates/deployment.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  labels:
    name: not-this
  name: "shop-web"  # the front
spec:
  template:
    metadata:
      name: nor-this
    spec:
      containers:
      - env:
        - {{name: PASSWORD, value: {CANARY}}}
"""

HOOK = f"kind: Job\napiVersion: batch/v1\nmetadata: {{name: migrate}}\nspec: {{x: {CANARY}}}\n"

VALUES: dict[str, Any] = {
    "image": {"tag": "2.0", "pull.policy": "Always"},
    "password": CANARY,
    "hosts": ["a.example", "b.example"],
    "users": [{"name": "x", "token": CANARY}],
    "replicas": 3,
    "ratio": 0.5,
    "debug": False,
    "nothing": None,
    "empty": {},
}


def release(name: str = "shop", namespace: str = "shop", revision: int = 1, **more: Any) -> dict[str, Any]:
    """A release as Helm writes it into a record."""
    status = more.pop("status", "deployed")
    body = {
        "name": name,
        "namespace": namespace,
        "version": revision,
        "info": {
            "first_deployed": "2026-01-05T09:00:00.123456789+01:00",
            "last_deployed": f"2026-0{min(9, revision)}-05T09:00:00Z",
            "deleted": "",
            "description": f"Upgrade failed: {CANARY}",
            "status": status,
            "notes": f"Your password is {CANARY}",
        },
        "chart": chart(appVersion="2.0.1", kubeVersion=">=1.25.0-0"),
        "config": VALUES,
        "manifest": MANIFEST,
        "hooks": [{"name": "migrate", "kind": "Job", "manifest": HOOK}],
    }
    return {**body, **more}


def packed(body: dict[str, Any], *, gz: bool = True) -> bytes:
    """As Helm stores it: JSON, gzip, base64. Very old ones are not compressed."""
    text = json.dumps(body).encode()
    return base64.b64encode(gzip.compress(text, mtime=0) if gz else text)


def record(body: dict[str, Any], *, storage: str = "secret", gz: bool = True, label: str = "") -> dict[str, Any]:
    """The Secret or ConfigMap of one revision. ``label``: a status label that differs from the record's own."""
    data = packed(body, gz=gz)
    name, revision = body["name"], body["version"]
    labels = {
        "name": name,
        "owner": "helm",
        "status": label or body["info"]["status"],
        "version": str(revision),
        "modifiedAt": "1767603600",
    }
    meta = {
        "name": f"sh.helm.release.v1.{name}.v{revision}",
        "namespace": body["namespace"],
        "labels": labels,
        "uid": f"uid-{storage}-{body['namespace']}-{name}-{revision}",
    }
    if storage == "configmap":
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"release": data.decode()}}
    encoded = base64.b64encode(data).decode()
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": meta,
        "type": "helm.sh/release.v1",
        "data": {"release": encoded},
    }
