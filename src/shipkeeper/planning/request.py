"""What a person asks of ``plan nodes``, after flags and the platform file were put together."""

from __future__ import annotations

from msgspec import Struct

from shipkeeper.model.declared_windows import CHANGES
from shipkeeper.model.errors import Problems, ShipkeeperError, UsageProblem
from shipkeeper.model.labels import Selector
from shipkeeper.model.plan import PlanWindow, UpgradeHop
from shipkeeper.model.time import MINUTE

ORDERS = ("serial", "zones", "best")
ACTIONS = ("reboot", "none")
ON_BLOCKED = ("hold", "wait", "quarantine", "escalate")
CONFIRM = ("none", "each")
MANUAL = "manual"
"""The reboot driver that every installation has: a person reboots, and says so."""


class NodesRequest(Struct, frozen=True, kw_only=True):
    """Which nodes go through what, and under which rules. Without names and selector: all workers.

    ``driver`` empty: the platform file's, else ``manual``. ``blocked_after_ms`` None: the larger of 10 min and twice
    what rehearsal predicted. ``accept_api_outage`` acknowledges that the only control-plane node goes down.
    """

    names: tuple[str, ...] = ()
    selector: Selector | None = None
    order: str = "serial"
    max_parallel: int = 1
    action: str = "reboot"
    driver: str = ""
    window: PlanWindow | None = None
    reserve_ms: int = 30 * MINUTE
    confirm: str = "none"
    on_blocked: str = "hold"
    blocked_after_ms: int | None = None
    delete_empty_dir_data: tuple[str, ...] = ()
    allow_unmanaged: tuple[str, ...] = ()
    grace_period_ms: int | None = None
    include_cordoned: bool = False
    allow_control_plane: bool = False
    accept_api_outage: bool = False
    upgrade: UpgradeHop | None = None
    change: str = ""
    """Class of change; empty: not said."""
    cluster: str = ""
    """Name of the cluster in the platform file; empty: found by context or name, or the only one."""

    def check(self) -> None:
        """Refuse what makes no sense. Raises Problems naming every wrong setting."""
        problems: list[ShipkeeperError] = []
        for name, value, allowed in (
            ("order", self.order, ORDERS),
            ("action", self.action, ACTIONS),
            ("on-blocked", self.on_blocked, ON_BLOCKED),
            ("confirm", self.confirm, CONFIRM),
        ):
            if value not in allowed:
                problems.append(UsageProblem(f"--{name} cannot be {value!r}", hint=f"one of {', '.join(allowed)}"))
        if self.change and self.change not in CHANGES:
            problems.append(UsageProblem(f"--change cannot be {self.change!r}", hint=f"one of {', '.join(CHANGES)}"))
        if self.max_parallel < 1:
            problems.append(UsageProblem(f"--max-parallel must be at least 1, not {self.max_parallel}"))
        if self.reserve_ms < 0:
            problems.append(UsageProblem("--reserve cannot be negative"))
        if self.window is not None and self.window.closes_ms - self.window.opens_ms <= self.reserve_ms:
            problems.append(
                UsageProblem(
                    "the reserve is as long as the window, or longer",
                    why="nothing may start that cannot end before the window's end minus the reserve",
                    hint="shorten --reserve or agree on a longer window",
                )
            )
        if self.action == "none" and self.driver:
            problems.append(
                UsageProblem(
                    f"--reboot-with {self.driver} and --action none contradict each other",
                    hint="leave one of them out",
                )
            )
        if problems:
            raise Problems("the plan's settings do not fit together", tuple(problems))
