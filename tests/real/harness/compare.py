"""Forecast against actual: the table, and the JSON that keeps it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.real.harness import record

MARKS = ("cordoned", "drained", "serves", "done")


@dataclass(frozen=True)
class Comparison:
    """One rehearsed and carried-out plan. Seconds throughout."""

    name: str
    forecast: dict[str, Any]
    actual: dict[str, dict[str, float]]
    seconds: float
    baseline: float | None = None

    @property
    def p50(self) -> float:
        """The predicted duration."""
        return float(self.forecast["durationSeconds"]["p50"])

    @property
    def allowed(self) -> float:
        """How far the duration may be off."""
        return max(5.0, 0.05 * self.p50)

    @property
    def off(self) -> float:
        """How far it is off; negative: quicker than predicted."""
        return self.seconds - self.p50

    def nodes(self) -> list[dict[str, Any]]:
        """Each node's marks, predicted and actual."""
        found = []
        for node in self.forecast["nodes"]:
            row: dict[str, Any] = {"node": node["name"]}
            for mark in MARKS:
                predicted = node[mark]["p50"] if node.get(mark) else None
                row[mark] = {"p50": predicted, "actual": self.actual.get(node["name"], {}).get(mark)}
            found.append(row)
        return found

    def table(self) -> str:
        """For people."""
        lines = [
            f"{self.name}: forecast P50 / actual, seconds from the start",
            f"{'node':<14}" + "".join(f"{mark:>20}" for mark in MARKS) + f"{'turn':>18}",
        ]
        ends = {"p50": 0.0, "actual": 0.0}
        for row in self.nodes():
            cells = "".join(f"{_pair(row[mark]['p50'], row[mark]['actual']):>20}" for mark in MARKS)
            turn = {key: (row["done"][key] or 0) - ends[key] for key in ends}
            ends = {key: row["done"][key] or ends[key] for key in ends}
            lines.append(f"{row['node']:<14}{cells}{_pair(turn['p50'], turn['actual']):>18}")
        lines.append(
            f"whole run: P50 {self.p50:.1f} s, P95 {self.forecast['durationSeconds']['p95']:.1f} s, "
            f"actual {self.seconds:.1f} s, off by {self.off:+.1f} s (allowed {self.allowed:.1f} s)"
        )
        if self.baseline is not None:
            lines.append(f"plain kubectl drain loop, same nodes, same reboots and waits: {self.baseline:.1f} s")
        return "\n".join(lines)

    def write(self, folder: Path) -> Path:
        """Keep it as JSON; the file."""
        path = folder / f"{self.name}.json"
        document = {
            "name": self.name,
            "durationSeconds": {**self.forecast["durationSeconds"], "actual": self.seconds, "off": self.off},
            "allowedSeconds": self.allowed,
            "baselineSeconds": self.baseline,
            "nodes": self.nodes(),
        }
        path.write_text(json.dumps(document, indent=1) + "\n")
        return path


def compare(name: str, forecast: dict[str, Any], rows: list[record.Row], baseline: float | None = None) -> Comparison:
    """Put a forecast beside the journal of its run."""
    return Comparison(name, forecast, record.marks(rows), record.took(rows), baseline)


def _pair(predicted: float | None, actual: float | None) -> str:
    left = "-" if predicted is None else f"{predicted:.1f}"
    right = "-" if actual is None else f"{actual:.1f}"
    return f"{left} / {right}"
