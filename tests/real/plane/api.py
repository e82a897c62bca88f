"""A small Kubernetes client of the tests' own, standard library only.

The oracle of the real suite must not share code with what it judges, so nothing here imports
shipkeeper. It reads the kubeconfigs that `scripts/controlplane` writes (JSON, certificates inside).
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

Object = dict[str, Any]

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"

# Kind -> API root, plural, whether it lies in a namespace.
KINDS: dict[str, tuple[str, str, bool]] = {
    "Namespace": ("/api/v1", "namespaces", False),
    "Node": ("/api/v1", "nodes", False),
    "Pod": ("/api/v1", "pods", True),
    "Service": ("/api/v1", "services", True),
    "ServiceAccount": ("/api/v1", "serviceaccounts", True),
    "ConfigMap": ("/api/v1", "configmaps", True),
    "Secret": ("/api/v1", "secrets", True),
    "PersistentVolume": ("/api/v1", "persistentvolumes", False),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims", True),
    "ResourceQuota": ("/api/v1", "resourcequotas", True),
    "Deployment": ("/apis/apps/v1", "deployments", True),
    "ReplicaSet": ("/apis/apps/v1", "replicasets", True),
    "StatefulSet": ("/apis/apps/v1", "statefulsets", True),
    "DaemonSet": ("/apis/apps/v1", "daemonsets", True),
    "Job": ("/apis/batch/v1", "jobs", True),
    "PodDisruptionBudget": ("/apis/policy/v1", "poddisruptionbudgets", True),
    "PriorityClass": ("/apis/scheduling.k8s.io/v1", "priorityclasses", False),
    "StorageClass": ("/apis/storage.k8s.io/v1", "storageclasses", False),
    "CSIDriver": ("/apis/storage.k8s.io/v1", "csidrivers", False),
    "CSINode": ("/apis/storage.k8s.io/v1", "csinodes", False),
    "VolumeAttachment": ("/apis/storage.k8s.io/v1", "volumeattachments", False),
    "Lease": ("/apis/coordination.k8s.io/v1", "leases", True),
    "Role": ("/apis/rbac.authorization.k8s.io/v1", "roles", True),
    "RoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", True),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles", False),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings", False),
    "ValidatingWebhookConfiguration": (
        "/apis/admissionregistration.k8s.io/v1",
        "validatingwebhookconfigurations",
        False,
    ),
}


class ApiError(Exception):
    """An answer that is not a success."""

    def __init__(self, status: int, method: str, path: str, body: bytes) -> None:
        self.status = status
        self.body = body
        super().__init__(f"{method} {path}: {status} {body[:400].decode(errors='replace')}")


def path_of(kind: str, namespace: str | None = None, name: str | None = None) -> str:
    """The URL path of a kind, a namespace's objects, or one object."""
    root, plural, namespaced = KINDS[kind]
    if namespaced and namespace is not None:
        root = f"{root}/namespaces/{namespace}"
    path = f"{root}/{plural}"
    return path if name is None else f"{path}/{name}"


class Api:
    """Calls to one cluster as one user; safe to share between threads. Close it after use."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext) -> None:
        self.host, self.port, self._tls = host, port, tls
        self._idle: list[http.client.HTTPSConnection] = []
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Api:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @classmethod
    def of(cls, kubeconfig: Path | str) -> Api:
        """A client from a kubeconfig's current context."""
        config = json.loads(Path(kubeconfig).read_text())
        context = _named(config["contexts"], config["current-context"])["context"]
        cluster = _named(config["clusters"], context["cluster"])["cluster"]
        user = _named(config["users"], context["user"])["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        tls = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile() as pem:
            # ssl takes a client certificate from files only.
            pem.write(base64.b64decode(user["client-key-data"]))
            pem.write(base64.b64decode(user["client-certificate-data"]))
            pem.flush()
            tls.load_cert_chain(pem.name)
        server = urllib.parse.urlsplit(cluster["server"])
        return cls(server.hostname or "", server.port or 443, tls)

    def connection(self, timeout: float = 30.0) -> http.client.HTTPSConnection:
        """A new connection of the caller's own."""
        return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self._tls)

    def call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        content_type: str = "application/json",
        **query: str | int,
    ) -> Object:
        """One request and its JSON answer. Raises ApiError unless it is a success."""
        url = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        payload = None if body is None else json.dumps(body)
        headers = {"Accept": "application/json"}
        if payload is not None:
            headers["Content-Type"] = content_type
        status, answer = self._send(method, url, payload, headers)
        if status >= 300:
            raise ApiError(status, method, url, answer)
        parsed: Object = json.loads(answer) if answer else {}
        return parsed

    def _send(self, method: str, url: str, payload: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        while True:
            with self._lock:
                kept = self._idle.pop() if self._idle else None
            connection = kept or self.connection()
            try:
                connection.request(method, url, payload, headers)
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
            except (http.client.HTTPException, OSError):
                connection.close()
                # A kept connection may have gone stale; a new one that fails is news.
                if kept is None:
                    raise
                continue
            with self._lock:
                if not self._closed:
                    self._idle.append(connection)
                    return status, body
            connection.close()
            return status, body

    def close(self) -> None:
        """Close the kept connections; later calls work, each on a connection of its own."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def get(self, kind: str, name: str, namespace: str | None = None) -> Object:
        """One object. Raises ApiError with status 404 when there is none."""
        return self.call("GET", path_of(kind, namespace, name))

    def find(self, kind: str, name: str, namespace: str | None = None) -> Object | None:
        """One object, or None."""
        try:
            return self.get(kind, name, namespace)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: str, namespace: str | None = None, **query: str | int) -> list[Object]:
        """All objects of a kind, in a namespace or everywhere."""
        answer = self.call("GET", path_of(kind, namespace), None, "application/json", **query)
        items: list[Object] = answer.get("items") or []
        return items

    def create(self, obj: Object, exist_ok: bool = False) -> Object:
        """Create an object from its manifest."""
        meta = obj["metadata"]
        try:
            return self.call("POST", path_of(obj["kind"], meta.get("namespace")), obj)
        except ApiError as error:
            if exist_ok and error.status == 409:
                return self.get(obj["kind"], meta["name"], meta.get("namespace"))
            raise

    def patch(self, kind: str, name: str, body: Object, namespace: str | None = None, sub: str = "") -> Object:
        """Merge-patch an object, or its subresource `sub`."""
        path = path_of(kind, namespace, name) + (f"/{sub}" if sub else "")
        return self.call("PATCH", path, body, MERGE)

    def delete(self, kind: str, name: str, namespace: str | None = None, grace_s: int | None = None) -> None:
        """Delete an object; one that is gone already is fine."""
        body: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        body["propagationPolicy"] = "Background"
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        try:
            self.call("DELETE", path_of(kind, namespace, name), body)
        except ApiError as error:
            if error.status != 404:
                raise

    def delete_all(self, kind: str, namespace: str | None = None, grace_s: int | None = None, **query: str) -> None:
        """Delete every object of a kind, in a namespace or of the cluster."""
        body: Object = {"kind": "DeleteOptions", "apiVersion": "v1"}
        body["propagationPolicy"] = "Background"
        if grace_s is not None:
            body["gracePeriodSeconds"] = grace_s
        self.call("DELETE", path_of(kind, namespace), body, **query)

    def watch(
        self, path: str, version: str, opened: Callable[[http.client.HTTPSConnection], None]
    ) -> Iterator[tuple[str, Object]]:
        """Events from a resource version on, until the server or a quiet minute ends the stream.

        `opened` is given the connection: shutting its socket down ends the watch from another
        thread. Raises ApiError (410 for a version too old) and OSError.
        """
        query = {"watch": 1, "allowWatchBookmarks": "true", "resourceVersion": version}
        connection = self.connection(timeout=60.0)
        try:
            connection.request("GET", f"{path}?{urllib.parse.urlencode(query)}")
            opened(connection)
            answer = connection.getresponse()
            if answer.status != 200:
                raise ApiError(answer.status, "WATCH", path, answer.read())
            pending = b""
            while chunk := answer.read1(1 << 16):
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        code = int(event["object"].get("code") or 500)
                        raise ApiError(code, "WATCH", path, line)
                    yield event["type"], event["object"]
        except (TimeoutError, http.client.HTTPException):
            return
        finally:
            connection.close()


def _named(rows: list[Object], name: str) -> Object:
    return next(row for row in rows if row["name"] == name)


def condition(obj: Object, kind: str) -> str:
    """The status of a condition: "True", "False", "Unknown", or "" when it is not there."""
    for row in (obj.get("status") or {}).get("conditions") or []:
        if row["type"] == kind:
            return str(row["status"])
    return ""


def is_ready(obj: Object) -> bool:
    """Whether a pod or node is Ready."""
    return condition(obj, "Ready") == "True"


def is_healthy_pod(pod: Object) -> bool:
    """Whether a disruption budget counts the pod: Ready and not on its way out."""
    phase = (pod.get("status") or {}).get("phase")
    leaving = pod["metadata"].get("deletionTimestamp") is not None
    return is_ready(pod) and not leaving and phase == "Running"


def controller_of(obj: Object) -> tuple[str, str] | None:
    """Kind and name of an object's controller, or None."""
    for owner in obj["metadata"].get("ownerReferences") or []:
        if owner.get("controller"):
            return str(owner["kind"]), str(owner["name"])
    return None
