"""The demo's platform: an ordinary dump of about 30 nodes and 400 pods, and the platform file that goes with it.

``dump_path()`` can be given to every verb's ``--from``, ``platform_path()`` to ``--platform``. The dump is made by
``python -m shipkeeper.app.demo_platform.generate``; it is the same bytes of JSON every time.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

SELECTOR = "pool=general"
"""The nodes of the demo's night: twelve workers in three zones, without the badly configured workloads' worst."""
WINDOW = "monthly"
"""The window of the demo's platform file that the night is planned for."""


def dump_path() -> Path:
    """The dump: ``kubectl get -o json`` of everything a survey reads, gzipped."""
    return Path(str(files(__name__).joinpath("platform.json.gz")))


def platform_path() -> Path:
    """The platform file: environments, windows, roles, a reboot driver, times."""
    return Path(str(files(__name__).joinpath("shipkeeper.yaml")))
