"""The platform file of a test's cluster: its reboot driver, its short waits, the times that were injected."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.real.plane.cluster import Built
from tests.real.plane.plane import Plane

DRIVER = Path(__file__).resolve().parents[1] / "plane" / "reboot.py"
CLUSTER = "night"

MECHANICS = {
    # Measured on v1.36.3 with 30 nodes and 440 pods on 2 cores, by watching 32 evictions to the replacement's Ready
    # (P50/P95): a call 16/44 ms; the replica controller's new pod 9/20 ms after the deletion; the budget's status
    # 7/13 ms after the pod; kwok acts 13/26 ms after a binding and 18/43 ms late on an end.
    "api": "16ms/44ms",
    # 8 batches of up to 10 evictions cost 33 ms of the plane's processor time each, spread over two processors.
    "eviction": "16ms/40ms",
    "watch": "2ms/10ms",
    "controller": "8ms/20ms",
    "disruption": "7ms/15ms",
    "kubelet": "13ms/35ms",
    # kwok starts pods without waiting for their volumes, mounts nothing, and detaches 500 ms after it was asked
    # (scripts/controlplane_lib/stages); a node's new boot id and its Ready come in one write.
    "unmount": "0s",
    "detach": "550ms/650ms",
    "attach": "0s",
    "daemonReadiness": "600ms",
    "shutdown": "200ms",
    "registeredBeforeReady": "0s",
}
"""What a plane's own machinery takes, with kwok in the kubelets' place."""


@dataclass(frozen=True)
class Settings:
    """What differs between tests. ``reboot_s``: from the driver's start until Ready, measured or reckoned."""

    down: str = "5s"
    reboot_s: float = 5.6
    stable_ready: str = "1s"
    fault: str = "none"
    drain: dict[str, Any] = field(default_factory=dict)
    mechanics: dict[str, str] = field(default_factory=dict)
    """What was measured just now (``calibrate``), over ``MECHANICS``."""


def driver_argv(plane: Plane, settings: Settings, log: Path | None = None) -> list[str]:
    """The reboot driver as a platform file has it."""
    argv = [sys.executable, str(DRIVER), "{node}", "--kubeconfig", str(plane.kubeconfig), "--down", settings.down]
    argv += ["--csi-after", "600ms"]
    if settings.fault != "none":
        argv += ["--fault", settings.fault]
    return argv if log is None else [*argv, "--log", str(log)]


def timings(built: Built, settings: Settings) -> dict[str, Any]:
    """The injected times, as the platform file declares them."""
    known = {"/".join(key): times for key, times in sorted(built.times().items())}
    return {
        "reboot": f"{settings.reboot_s:.2f}s",
        "stableReady": settings.stable_ready,
        "readiness": {key: f"{row.ready_ms}ms" for key, row in known.items() if row.ready_ms is not None},
        "termination": {key: f"{row.gone_after_ms}ms" for key, row in known.items()},
        "mechanics": {**MECHANICS, **settings.mechanics},
    }


def write(folder: Path, plane: Plane, built: Built, settings: Settings | None = None) -> Path:
    """Write ``shipkeeper.yaml``; its path. Reboots are logged beside it in ``reboots.jsonl``."""
    settings = settings or Settings()
    document = {
        "apiVersion": "shipkeeper/v1alpha1",
        "kind": "Platform",
        "name": "real-plane",
        "environments": [
            {
                "name": "test",
                "production": False,
                "clusters": [
                    {
                        "name": CLUSTER,
                        "drain": {"reserve": "0s", "rebootWith": "kwok", **settings.drain},
                        "timings": timings(built, settings),
                    }
                ],
            }
        ],
        "rebootDrivers": {
            "kwok": {
                "argv": driver_argv(plane, settings, folder / "reboots.jsonl"),
                "delivered": [*driver_argv(plane, settings), "--delivered"],
                "timeout": "60s",
            },
        },
    }
    path = folder / "shipkeeper.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    return path
