"""What people agreed to when the run began: budgets and known errors, on record, so that a change is seen as one.

A process that resumes the run judges by the record, not by what it happens to find.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shipkeeper.execution.context import Run
from shipkeeper.model.findings import Finding
from shipkeeper.model.pods import Pod
from shipkeeper.model.run import BaselineTaken, BudgetKnown, ErrorKnown
from shipkeeper.model.workloads import Budget
from shipkeeper.semantics.budgets import compile_budgets


async def learn(run: Run) -> None:
    """Take the baseline, where the record has none, or none of errors and somebody checks now."""
    known = run.record.view.baseline
    if known is None:
        await take(run, "before the first node")
    elif known.errors is None and run.world.errors is not None:
        reason = "nobody had checked for errors before"
        run.record.write(BaselineTaken(reason=reason, budgets=known.budgets, errors=await _errors(run)))


async def take(run: Run, reason: str) -> None:
    """Put what is there now on record as what people agreed to."""
    budgets = await run.api.list(Budget)
    run.record.write(
        BaselineTaken(
            reason=reason,
            budgets=tuple(
                BudgetKnown(
                    namespace=item.namespace,
                    name=item.name,
                    uid=item.uid,
                    generation=item.generation,
                    selector=item.selector,
                )
                for item in budgets
            ),
            errors=await _errors(run),
        )
    )


async def _errors(run: Run) -> tuple[ErrorKnown, ...] | None:
    check = run.world.errors
    if check is None:
        return None
    found = await run.api.patiently(check)
    keys = {(item.rule, item.object) for item in found}
    ordered = sorted(keys, key=lambda key: (key[0], key[1].kind, key[1].namespace, key[1].name))
    return tuple(ErrorKnown(rule=rule, object=what) for rule, what in ordered)


async def changed_budget(run: Run, pods: Sequence[Pod]) -> tuple[Budget, str] | None:
    """A budget over these pods that was changed, added or deleted since the baseline, and which of these."""
    known = _by_namespace(run)
    changed: list[Budget] = []
    words: dict[tuple[str, str], str] = {}
    there: dict[str, set[str]] = {namespace: set() for namespace in sorted({pod.namespace for pod in pods})}
    for item in await run.api.budgets(there):
        names = there.get(item.namespace)
        if names is None:
            continue
        names.add(item.name)
        was = known.get(item.namespace, {}).get(item.name)
        if was is None or (was.uid, was.generation) != (item.uid, item.generation):
            changed.append(item)
            words[(item.namespace, item.name)] = "was added" if was is None else "was changed"
    for namespace, names in there.items():
        before = known.get(namespace, {})
        for name in sorted(before.keys() - names):
            gone = before[name]
            changed.append(Budget(namespace, name, gone.uid, gone.selector, generation=gone.generation))
            words[(namespace, name)] = "was deleted"
    if not changed:
        return None
    index = compile_budgets(changed)
    for pod in pods:
        for budget in index.matching(pod.namespace, pod.shape.labels):
            return budget, words[(budget.namespace, budget.name)]
    return None


def _by_namespace(run: Run) -> dict[str, dict[str, BudgetKnown]]:
    """The baseline's budgets by namespace and name, indexed once for each baseline."""
    baseline = run.record.view.baseline
    if run.indexed is None or run.indexed[0] is not baseline:
        found: dict[str, dict[str, BudgetKnown]] = {}
        for item in baseline.budgets if baseline is not None else ():
            found.setdefault(item.namespace, {})[item.name] = item
        run.indexed = (baseline, found)
    return run.indexed[1]


async def new_errors(run: Run, nodes: Iterable[str]) -> tuple[str, ...]:
    """Errors on the pods of these nodes that the baseline does not know, in words."""
    check, baseline = run.world.errors, run.record.view.baseline
    if check is None:
        return ()
    known = {(item.rule, item.object) for item in (baseline.errors if baseline is not None else ()) or ()}
    wanted = set(nodes)
    found = await run.api.patiently(check)
    new = [item for item in found if (item.rule, item.object) not in known]
    return tuple(_words(item) for item in new if not item.nodes or wanted & set(item.nodes))


def _words(finding: Finding) -> str:
    what = finding.object
    place = f"{what.namespace}/{what.name}" if what.namespace else what.name
    return f"{what.kind} {place}: {finding.message}"
