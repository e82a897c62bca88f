"""Play a plan on a twin of what was surveyed: over as many processes as it is worth, in the order of the seeds."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from msgspec.structs import replace

from shipkeeper.app.clock import now_ms
from shipkeeper.app.state import State, write_atomically
from shipkeeper.assessment.check import Settings, doubts
from shipkeeper.model.errors import Refused, UsageProblem
from shipkeeper.model.forecast import Assumption, Forecast
from shipkeeper.model.inventory import Inventory
from shipkeeper.model.plan import Plan
from shipkeeper.model.time import iso
from shipkeeper.planning.bounds import lower_bound
from shipkeeper.rehearsal.gantt_svg import draw
from shipkeeper.rehearsal.night import Night, play_night
from shipkeeper.rehearsal.rehearse import rehearse
from shipkeeper.twin import Loaded
from shipkeeper.twin.settings import DEFAULT, TwinSettings

_WORTH_A_POOL_S = 3.0
"""More work than this is shared between processes; starting them costs about a second."""
_MOST_WORKERS = 8

Progress = Callable[[int, int], None]


def rehearse_plan(
    plan: Plan,
    inventory: Inventory,
    seeds: int = 200,
    *,
    first_seed: int = 1,
    compare: bool = True,
    workers: int | None = None,
    settings: TwinSettings = DEFAULT,
    progress: Progress | None = None,
) -> Forecast:
    """Rehearse a plan with seeds ``first_seed`` … and return the forecast, with what the inventory leaves in doubt.

    ``workers`` None: as many processes as there are processors, where the work is worth it. Raises Refused when the
    plan was made for another cluster than the one surveyed, UsageProblem for fewer than one seed.
    """
    if seeds < 1:
        raise UsageProblem(f"a rehearsal needs at least one seed, not {seeds}", hint="--seeds 200 is the default")
    belongs(plan, inventory)
    played, known = _same_identity(plan, inventory)
    stage = _Stage(known, settings, workers if workers is not None else _processors(), progress or _silent)
    with stage:
        found = rehearse(
            played,
            known,
            range(first_seed, first_seed + seeds),
            lower_bound=lower_bound(plan, inventory),
            made_at=iso(now_ms() // 1_000 * 1_000),
            play=stage.play,
            settings=settings,
            compare=compare,
        )
    names = tuple(node.name for node in plan.nodes)
    open_questions = doubts(inventory, Settings(policy=plan.drain_policy), names, now_ms=inventory.taken_ms)
    found = replace(found, doubts=open_questions)
    if played is plan:
        return found
    gap = () if plan.cluster.uid else (_NAMELESS,)
    return replace(found, plan_digest=plan.digest, assumptions=(*found.assumptions, *gap))


_NAMELESS = Assumption(
    what="which cluster the plan is for could not be read",
    value="namespace kube-system was not in its inventory, so no run takes the plan: survey again, and plan again",
    source="unknown",
)


def _same_identity(plan: Plan, inventory: Inventory) -> tuple[Plan, Inventory]:
    """Both with the same identity where one or both do not tell it, as a kubectl List does not. The executor refuses
    a plan that names no cluster, and a rehearsal of one would be nothing but that refusal.
    """
    here, planned = inventory.identity, plan.cluster
    uid = planned.uid or here.uid or "not-known"
    ca = planned.ca_digest if planned.ca_digest and not here.ca_digest else here.ca_digest
    if (uid, uid, ca) == (planned.uid, here.uid, here.ca_digest):
        return plan, inventory
    return (
        replace(plan, cluster=replace(planned, uid=uid)).sealed(),
        replace(inventory, identity=replace(here, uid=uid, ca_digest=ca)),
    )


def belongs(plan: Plan, inventory: Inventory) -> None:
    """Refuse to rehearse a plan on another cluster. Raises Refused."""
    known = {node.name: node.uid for node in inventory.nodes}
    if plan.cluster.uid and inventory.identity.uid and plan.cluster.uid != inventory.identity.uid:
        raise Refused(
            "the plan was made for another cluster than the one surveyed",
            code="other-cluster",
            why=f"namespace kube-system has UID {inventory.identity.uid} there, and {plan.cluster.uid} in the plan",
            hint="rehearse it on an inventory of its own cluster, or make a new plan",
        )
    strangers = [node.name for node in plan.nodes if known.get(node.name) is None]
    strangers += [node.name for node in plan.nodes if known.get(node.name, node.uid) not in (node.uid, "")]
    if strangers:
        raise Refused(
            f"the inventory has no such node: {', '.join(strangers[:5])}"
            + (f" and {len(strangers) - 5} more" if len(strangers) > 5 else ""),
            code="unknown-node",
            object=f"Node {strangers[0]}",
            why="a node of that name is gone, or is another machine now; what it holds cannot be rehearsed",
            hint="survey again, and make the plan from that inventory",
        )


def keep(forecast: Forecast, plan: Plan, state: State, save_path: str = "", svg_path: str = "") -> None:
    """Store the forecast under the plan's digest, and in the files named. Raises UsageProblem when one can't be."""
    state.keep_forecast(forecast)
    if save_path:
        _write(save_path, msgspec.json.format(msgspec.json.encode(forecast), indent=2) + b"\n")
    if svg_path:
        _write(svg_path, draw(forecast, plan).encode())


def _write(path: str, data: bytes) -> None:
    try:
        write_atomically(Path(path), data, mode=0o644)
    except OSError as error:
        raise UsageProblem(f"{path} cannot be written: {error.strerror}") from error


def stopwatch() -> float:
    """Seconds on a clock of no meaning; for telling how long a rehearsal took."""
    return time.perf_counter()


@dataclass
class _Stage:
    """Where nights are played: this process first, and a pool once the rest is worth one."""

    inventory: Inventory
    settings: TwinSettings
    workers: int
    progress: Progress
    _loaded: Loaded | None = None
    _pool: ProcessPoolExecutor | None = None
    _seconds: list[float] = field(default_factory=list)

    def __enter__(self) -> _Stage:
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def play(self, plan: Plan, seeds: Sequence[int]) -> Iterable[Night]:
        """One night for each seed, in their order."""
        for done, night in enumerate(self._nights(plan, seeds), start=1):
            self.progress(done, len(seeds))
            yield night

    def _nights(self, plan: Plan, seeds: Sequence[int]) -> Iterator[Night]:
        if self._pool is None:
            yield self._here(plan, seeds[0])
            seeds = seeds[1:]
        if self.workers > 1 and self._pool is None and max(self._seconds) * len(seeds) > _WORTH_A_POOL_S:
            # Never fork: this process may run threads. The inventory travels once to each worker.
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_prepare,
                initargs=(self.inventory, self.settings),
            )
        if self._pool is None:
            yield from (self._here(plan, seed) for seed in seeds)
        else:
            chunk = max(1, min(8, len(seeds) // (4 * self.workers)))
            yield from self._pool.map(_play, [(plan, seed) for seed in seeds], chunksize=chunk)

    def _here(self, plan: Plan, seed: int) -> Night:
        if self._loaded is None:
            self._loaded = Loaded(self.inventory)
        began = time.perf_counter()
        night = play_night(plan, self._loaded, seed, self.settings)
        self._seconds.append(time.perf_counter() - began)
        return night


_WORKER: dict[str, tuple[Loaded, TwinSettings]] = {}


def _prepare(inventory: Inventory, settings: TwinSettings) -> None:
    """Index the inventory once in a worker."""
    _WORKER["stage"] = (Loaded(inventory), settings)


def _play(work: tuple[Plan, int]) -> Night:
    plan, seed = work
    loaded, settings = _WORKER["stage"]
    return play_night(plan, loaded, seed, settings)


def _processors() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(_MOST_WORKERS, usable)


def _silent(done: int, total: int) -> None:
    return None
