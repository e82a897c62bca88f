"""What this machine's plane takes right now, measured before a night: a busy machine is slow on both sides.

Twelve pods of a scratch Deployment, without a budget, are evicted at once. Known of them: Ready 500 ms after their
start, gone 500 ms after their deletion. Whatever it takes beyond that is the plane's own.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

from tests.real.plane import waits
from tests.real.plane.api import Api, Object
from tests.real.plane.manifests import LABEL, Times, Workload
from tests.real.plane.mirror import Mirror, now_ms

NAMESPACE = "calibration"
PODS = 12
ROUNDS = 3
TIMES = Times(500, 500)


def machinery(api: Api) -> dict[str, str]:
    """Figures for ``timings.mechanics`` of the platform file, as P50/P95."""
    evictions, creations, ends = [], [], []
    for _ in range(ROUNDS):
        share, created, gone = _round(api)
        evictions.append(share)
        creations += created
        ends += gone
    return {"eviction": _spread(evictions), "controller": _spread(creations), "kubelet": _spread(ends)}


def _round(api: Api) -> tuple[float, list[float], list[float]]:
    """Milliseconds: an eviction's share of the batch; each new pod after its eviction; each end beyond its time."""
    meta = {"name": NAMESPACE, "labels": {LABEL: "yes"}}
    api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": meta}, exist_ok=True)
    made = Workload("Deployment", NAMESPACE, "scratch", PODS, TIMES, cpu="10m", memory="16Mi")
    api.create(made.manifest(), exist_ok=True)
    waits.workloads_ready(api, 60)
    seen: list[tuple[int, str, Object]] = []

    def changed(kind: str, event: str, pod: Object) -> None:
        if pod["metadata"].get("namespace") == NAMESPACE:
            seen.append((now_ms(), event, pod))

    mirror = Mirror(api, ("Pod",), changed)
    mirror.start()
    try:
        pods = [pod["metadata"] for pod in api.list("Pod", NAMESPACE)]
        old = {pod["uid"] for pod in pods}
        seen.clear()
        begun = now_ms()
        with ThreadPoolExecutor(PODS) as pool:
            answered = sorted(pool.map(lambda pod: _evict(api, pod), pods))
        waits.until(lambda: None if len(_ended(seen, old)) == len(old) else "still there", 30, "evicted pods gone")
        waits.workloads_ready(api, 60)
    finally:
        mirror.stop()
    created = sorted(at for at, event, pod in seen if event == "ADDED" and pod["metadata"]["uid"] not in old)
    lags = [float(at - asked) for at, asked in zip(created, answered, strict=False)]
    api.delete("Deployment", "scratch", NAMESPACE)
    api.delete_all("Pod", NAMESPACE, 0)
    late = [float(took - TIMES.gone_after_ms) for took in _ended(seen, old).values()]
    return (answered[-1] - begun) / len(answered), lags, late


def _evict(api: Api, pod: Object) -> int:
    """Ask; when the answer came."""
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod["name"], "namespace": NAMESPACE}}
    api.call("POST", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['name']}/eviction", body)
    return now_ms()


def _ended(seen: list[tuple[int, str, Object]], old: set[str]) -> dict[str, int]:
    """From a pod's deletion until it was gone, milliseconds, by UID."""
    begun: dict[str, int] = {}
    ended: dict[str, int] = {}
    for at, event, pod in list(seen):
        uid = pod["metadata"]["uid"]
        if uid in old and event == "DELETED":
            ended[uid] = at - begun.get(uid, at)
        elif uid in old and pod["metadata"].get("deletionTimestamp"):
            begun.setdefault(uid, at)
    return ended


def _spread(samples: list[float]) -> str:
    """``P50/P95``."""
    cuts = quantiles(samples, n=20, method="inclusive")
    return f"{max(1, round(cuts[9]))}ms/{max(1, round(cuts[18]))}ms"
