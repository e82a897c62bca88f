"""How long things should take, from the plan's steps and the forecast; and what the window leaves."""

from __future__ import annotations

from shipkeeper.model.forecast import Forecast
from shipkeeper.model.plan import Plan
from shipkeeper.model.time import MINUTE, SECOND

LEAST_PATIENCE_MS = 10 * MINUTE


class Estimates:
    """P95 figures in milliseconds, by node and action."""

    def __init__(self, plan: Plan, forecast: Forecast | None) -> None:
        self._plan = plan
        self._p95: dict[str, dict[str, int]] = {}
        for step in plan.steps:
            node = self._p95.setdefault(step.target, {})
            node[step.action] = round(step.estimate_seconds.p95 * SECOND)
        if forecast is not None:
            self._correct(forecast)

    def _correct(self, forecast: Forecast) -> None:
        """A drain that took longer in rehearsal than its estimate counts as long as it took."""
        for node in forecast.nodes:
            steps = self._p95.get(node.name)
            if steps is not None and node.cordoned is not None and node.drained is not None:
                rehearsed = round((node.drained.p95 - node.cordoned.p50) * SECOND)
                steps["drain"] = max(steps.get("drain", 0), rehearsed)

    def step_ms(self, node: str, action: str) -> int:
        """P95 of one step."""
        return self._p95.get(node, {}).get(action, 0)

    def rest_ms(self, node: str, action: str) -> int:
        """P95 of that step and all after it, added up."""
        total, counting = 0, False
        for name, span in self._p95.get(node, {}).items():
            counting = counting or name == action
            total += span if counting else 0
        return total

    def blocked_after_ms(self, node: str) -> int:
        """After how long a spent budget counts as blocked: as the plan says, else the larger of 10 min and twice what
        was predicted for the drain.
        """
        said = self._plan.drain_policy.blocked_after_seconds
        return self.patience_ms(node, "drain") if said is None else said * SECOND

    def patience_ms(self, node: str, action: str) -> int:
        """How long a gate of that step is waited for: the larger of 10 min and twice what was predicted."""
        return max(LEAST_PATIENCE_MS, 2 * self.step_ms(node, action))

    def last_moment_ms(self, node: str, action: str) -> int | None:
        """Latest wall-clock start of that step from which the node would, by P95, be done inside the window with the
        reserve; None without a window.
        """
        if self._plan.window is None:
            return None
        return self._plan.window.closes_ms - self._plan.reserve_seconds * SECOND - self.rest_ms(node, action)
