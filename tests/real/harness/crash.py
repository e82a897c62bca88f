"""A 3-node plan whose runner is killed, and what must hold whenever a new process has gone on to the end."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from tests.real.harness import dying, night, platformfile, record, rights
from tests.real.harness.night import Planned
from tests.real.harness.platformfile import Settings
from tests.real.harness.product import OK, Product, Running
from tests.real.plane import reboot, waits
from tests.real.plane.api import Api
from tests.real.plane.cluster import Built, Size, build
from tests.real.plane.plane import Plane

ACTIONS = ("cordon", "drain", "reboot", "serves", "uncordon", "settle")
KILLED = -9
SHORT = Settings(down="0.4s", stable_ready="0.5s")


def boundaries(nodes: list[str], whens: tuple[str, ...]) -> list[str]:
    """Every point of a run at which it may be killed, in the order in which they come."""
    points = ["run-started:after"]
    for node in nodes:
        for action in ACTIONS:
            points += [f"{node}/{action}:{when}" for when in whens]
    return [*points, "run-ended:before"]


ALL = ("intent:after", "outcome:before", "outcome:after")
"""The intent is on disk and nothing was done · the effect is done and not written down · it is written down."""


@dataclass
class Tally:
    """What came of the kills, for people."""

    kills: int = 0
    lines: list[str] = field(default_factory=list)

    def add(self, point: str, kills: int, seconds: float) -> None:
        """One run that was killed and came to its end."""
        self.kills += kills
        self.lines.append(f"{point:<36} killed {kills:>2}, resumed to the end, {seconds:5.1f} s")

    def __str__(self) -> str:
        return "\n".join([*self.lines, f"kill -9: {self.kills} kills, {len(self.lines)} runs, every one ended well"])


@dataclass(frozen=True)
class Crashes:
    """A small cluster, the product on it, and one plan over its three nodes."""

    api: Api
    product: Product
    planned: Planned
    tally: Tally

    @property
    def nodes(self) -> list[str]:
        """In the order of their turns."""
        return self.planned.nodes

    def counts(self) -> dict[str, int]:
        """Reboots delivered to each node so far."""
        return {node: reboot.count(self.api, node) for node in self.nodes}

    def start(self, point: str, *words: str) -> Running:
        """The product, to be killed at that point (empty: never)."""
        argv = [sys.executable, dying.__file__, *words, *self.product.live()]
        product = Product(
            self.product.folder, self.product.kubeconfig, self.product.platform, {dying.VARIABLE: point}
        )  # fmt: skip
        return product.start(*words, argv=argv)

    def begin(self, point: str) -> str:
        """Start a run that dies at that point; its id."""
        before = set(record.runs(self.product.journal))
        self.die(self.start(point, "run", self.planned.file), point)
        (run,) = set(record.runs(self.product.journal)) - before
        return run

    def go_on(self, run: str, point: str) -> None:
        """Resume the run, to die at that point."""
        self.die(self.start(point, "run", "--resume", run), point)

    def die(self, running: Running, point: str) -> None:
        """Wait for the kill; a run that ends otherwise never came to that point."""
        code = running.wait(120)
        assert code == KILLED, f"not killed at {point}\n{running}"

    def end(self, run: str) -> None:
        """Resume the run to its end."""
        night.resume(self.product, run, codes=(OK,), timeout_s=180)

    def prove(self, run: str, before: dict[str, int]) -> None:
        """Every node schedulable, each rebooted exactly once, the chain whole."""
        rows = night.rows(self.product, run)
        assert record.broken(rows) is None, record.broken(rows)
        assert rows[-1].event.get("state") == "done" or any(row.kind == "run-ended" for row in rows)
        assert night.unclean(self.api) == []
        delivered = {node: count - before[node] for node, count in self.counts().items()}
        assert delivered == dict.fromkeys(self.nodes, 1), f"{run}: reboots delivered: {delivered}"
        waits.workloads_ready(self.api, 30)
        waits.budgets_settled(self.api)

    def one(self, point: str) -> None:
        """Kill a run at that point, resume it to its end, and prove that all is well."""
        before, begun = self.counts(), time.monotonic()
        run = self.begin(point)
        self.end(run)
        self.prove(run, before)
        self.tally.add(point, 1, time.monotonic() - begun)

    def storm(self, points: list[str]) -> str:
        """One run killed at each of these points, each time by a process that went on from the one before."""
        before, begun = self.counts(), time.monotonic()
        run = self.begin(points[0])
        for point in points[1:]:
            self.go_on(run, point)
        self.end(run)
        self.prove(run, before)
        self.tally.add("every boundary of one night", len(points), time.monotonic() - begun)
        return run


def small(plane: Plane, api: Api, runner: Path, folder: Path, user: str) -> tuple[Crashes, Built]:
    """Three nodes, quick pods, short waits, one plan; the product under the shipped rights."""
    built = build(api, Size.small())
    settings = Settings(SHORT.down, night.reboot_s(plane, folder, SHORT), SHORT.stable_ready)
    rights.apply(api, rights.all_shipped(), user)
    product = Product(folder, runner, platformfile.write(folder, plane, built, settings))
    night.survey(product)
    return Crashes(api, product, night.plan(product, "three", list(built.nodes)), Tally()), built
