"""An outdated platform on a real plane: operators' real CRDs, and custom resources as their controllers leave them.

    files = crd_files()                   # raises planes.Unavailable where they cannot be had
    load(api, files, now)                 # goes with the plane; loading again is fine

No operator runs: what one would have written into status is written by `load`. Releases come from the real `helm`
(`tests.real.harness.helm`).
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.platform_samples.objects import custom_resources
from tests.real.plane import waits
from tests.real.plane.api import MERGE, Api, ApiError, Object
from tests.real.plane.plane import BUILD_TIMEOUT_S, ROOT, Unavailable

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_HAND_WRITTEN = Path(__file__).resolve().parents[1] / "crds"
ESTABLISHED_S = 120
"""The API server takes half a second a CRD, and more on a busy machine."""

MANAGER = "kubectl-client-side-apply"
"""Who the plane is told applied the CRDs: a person's hand."""


_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):  # type: ignore[misc]  # the C loader, where there is one
    """A loader that reads a bare `=` (an enum value of a Prometheus CRD) as text."""


_Loader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))


@cache
def parts() -> dict[str, Any]:
    """What `scripts/platform build` made: `helm`, `crds`. Raises Unavailable."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "platform"), "build"],
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )
    if done.returncode == 3:
        raise Unavailable(done.stderr.strip().splitlines()[-1])
    if done.returncode != 0:
        raise RuntimeError(f"scripts/platform build failed:\n{done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def crd_files() -> list[Path]:
    """Every file with CRDs: the real ones, then those written by hand. Raises Unavailable."""
    return [*sorted(Path(parts()["crds"]).glob("*/*.yaml")), *sorted(_HAND_WRITTEN.glob("*.yaml"))]


@dataclass(frozen=True)
class Served:
    """A kind as its CRD serves it."""

    group: str
    kind: str
    plural: str
    namespaced: bool
    status: frozenset[str]
    """Versions with a status of its own address."""

    def path(self, version: str, namespace: str = "", name: str = "") -> str:
        """URL path of the objects, or of one."""
        middle = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"/apis/{self.group}/{version}{middle}/{self.plural}" + (f"/{name}" if name else "")


def crds_in(files: list[Path]) -> list[Object]:
    """The CRDs of these files; what a chart would template in them is left out."""
    found = []
    for file in files:
        for item in yaml.load_all(file.read_text(), Loader=_Loader):
            if item and item.get("kind") == "CustomResourceDefinition":
                meta = item["metadata"]
                labels = {key: value for key, value in (meta.get("labels") or {}).items() if "{{" not in str(value)}
                item["metadata"] = {
                    "name": meta["name"],
                    "labels": labels,
                    "annotations": meta.get("annotations") or {},
                }
                item.pop("status", None)
                # Without the webhook of an operator that does not run, objects of two versions cannot be converted.
                item["spec"].pop("conversion", None)
                found.append(item)
    return found


def apply_crds(api: Api, files: list[Path], manager: str = MANAGER) -> dict[tuple[str, str], Served]:
    """Create the CRDs and wait until they are served; (group, kind) → how."""
    served: dict[tuple[str, str], Served] = {}
    crds = crds_in(files)

    def create(crd: Object) -> None:
        try:
            api.call("POST", _CRDS, crd, "application/json", fieldManager=manager)
        except ApiError as error:
            if error.status != 409:
                raise

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, crds))
    for crd in crds:
        spec = crd["spec"]
        with_status = frozenset(
            version["name"] for version in spec["versions"] if "status" in (version.get("subresources") or {})
        )
        names, key = spec["names"], (spec["group"], spec["names"]["kind"])
        served[key] = Served(spec["group"], names["kind"], names["plural"], spec["scope"] == "Namespaced", with_status)
    for crd in crds:
        waits.until(_established(api, crd["metadata"]["name"]), ESTABLISHED_S, "a CRD is established")
    return served


def _established(api: Api, name: str) -> Callable[[], str | None]:
    """Asked for one by one: a list of all is several megabytes each time."""

    def ready() -> str | None:
        conditions = (api.call("GET", f"{_CRDS}/{name}").get("status") or {}).get("conditions") or []
        if any(row["type"] == "Established" and row["status"] == "True" for row in conditions):
            return None
        return f"{name} is not established"

    return ready


def apply(api: Api, served: dict[tuple[str, str], Served], item: Object) -> Object:
    """Put one custom resource there with its status, as if its controller had written that. Its namespace is made."""
    group, _, version = item["apiVersion"].rpartition("/")
    kind = served[group, item["kind"]]
    meta = {key: value for key, value in item["metadata"].items() if key != "generation"}
    namespace = meta.get("namespace", "")
    if namespace:
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}, exist_ok=True)
    made = retried(lambda: _anew(api, kind, version, {**item, "metadata": meta}))
    status = dict(item.get("status") or {})
    if status and version in kind.status:
        now = made["metadata"].get("generation", 1)
        _as_of(status, item["metadata"].get("generation", 1), now)
        path = kind.path(version, namespace, meta["name"]) + "/status"
        made = api.call("PATCH", path, {"status": status}, MERGE)
    return made


def _anew(api: Api, kind: Served, version: str, item: Object) -> Object:
    """Create it; one that an earlier, killed run left behind goes first."""
    namespace = item["metadata"].get("namespace", "")
    try:
        return api.call("POST", kind.path(version, namespace), item)
    except ApiError as error:
        if error.status != 409:
            raise
    api.call("DELETE", kind.path(version, namespace, item["metadata"]["name"]))
    return api.call("POST", kind.path(version, namespace), item)


def _as_of(value: Any, wanted: int, now: int) -> None:
    """Let the sample's observedGeneration be as far behind the real generation as it was behind the sample's."""
    if isinstance(value, dict):
        if isinstance(value.get("observedGeneration"), int):
            value["observedGeneration"] += now - wanted
        for inner in value.values():
            _as_of(inner, wanted, now)
    elif isinstance(value, list):
        for inner in value:
            _as_of(inner, wanted, now)


def retried(call: Callable[[], Object]) -> Object:
    """The call's answer; a kind that is established is not served in the same instant."""
    found: list[Object] = []

    def done() -> str | None:
        try:
            found.append(call())
        except ApiError as error:
            if error.status == 404:
                return str(error)
            raise
        return None

    waits.until(done, 30, "the kind is served")
    return found[-1]


def load(api: Api, files: list[Path], now: datetime) -> list[Object]:
    """The CRDs, and every sample of `tests.platform_samples` as of `now`; the objects as the server has them."""
    served = apply_crds(api, files)
    return [apply(api, served, item) for item in custom_resources(now)]


def remove(api: Api) -> None:
    """Take every CRD away, and with it its objects. Where the plane ends anyway this is not needed."""
    for item in api.call("GET", _CRDS)["items"]:
        api.call("DELETE", f"{_CRDS}/{item['metadata']['name']}")

    def gone() -> str | None:
        left = [item["metadata"]["name"] for item in api.call("GET", _CRDS)["items"]]
        return f"{len(left)} CRDs left" if left else None

    waits.until(gone, 300, "CRDs gone")


@contextmanager
def removed(api: Api) -> Iterator[None]:
    """At the end nothing of this is on the plane any more."""
    try:
        yield
    finally:
        remove(api)
