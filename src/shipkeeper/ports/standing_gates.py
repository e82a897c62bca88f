"""Gates about people and calendars: what each asks, why it matters, what a person can do.

``app/standing.py`` builds them for a run. None is opened by ``approve``: what sets one aside is a record of its own,
a waiver of one rule or an emergency that two people declared.
"""

from __future__ import annotations

from shipkeeper.ports.gate import Gate

_WHEN = "at the start as of the window's opening, and before every batch"
_WAITS = "reads it again every few seconds; it goes on when it is open"

STANDING_GATES = (
    Gate(
        id="window-agreed",
        when=_WHEN,
        opens="the plan's window lies in one of its environment's, or is one by itself, and those who depend on the "
        "platform agreed to it as it is now: in the platform file or with `windows agree`; a plan without a window: "
        "the environment declares none, or the schedule says that the work needs none",
        why="people who were not asked will be in the middle of something",
        waits=_WAITS,
        person="shipkeeper windows agree NAME --by WHO, once they agreed; shipkeeper windows emergency PLAN",
    ),
    Gate(
        id="window-content",
        when=_WHEN,
        opens="what the plan touches (os, kubernetes, system-pods) is among the window's content, or the window takes "
        "everything",
        why="a window that was agreed for one thing is not agreed for another",
        waits=_WAITS,
        person="shipkeeper plan nodes … --window, for a window of that content",
    ),
    Gate(
        id="not-frozen",
        when=_WHEN,
        opens="no freeze of the platform or of the environment covers the hour, or the freeze allows the plan's class "
        "of change",
        why="people planned their own work around a time in which nothing changes",
        waits=_WAITS,
        person="shipkeeper plan nodes … --window, for a day after the freeze; shipkeeper windows emergency PLAN",
    ),
    Gate(
        id="staging-first",
        when=_WHEN,
        opens="the environment follows none, and the platform file says so; or the same kind of work was finished on "
        "the one it follows at least `skew` working days ago, within a quarter, and since these nodes' last turn",
        why="what breaks is to break where it hurts less, and somebody needs time to see it",
        waits=_WAITS,
        person="carry it out there first, or shipkeeper windows waive staging-first PLAN --reason WHY --by WHO",
    ),
    Gate(
        id="notes-read",
        when=_WHEN,
        opens="the plan carries no component to another version; or somebody read the notes of its hop, and for every "
        "problem that was found in them a second person decided to proceed",
        why="what breaks was often announced, and nobody had read it",
        waits=_WAITS,
        person="shipkeeper upgrade acknowledge COMPONENT … --by WHO; upgrade decide for what was found; shipkeeper "
        "windows waive notes-read PLAN --reason WHY --by WHO",
    ),
    Gate(
        id="notices-sent",
        when=_WHEN,
        opens="users and developers who have to be told before the window opens were told at or before their time, on "
        "every channel that the platform file declares for them; or the plan has no window",
        why="people who were not told, or too late, plan something else for that hour",
        waits=_WAITS,
        person="shipkeeper notices status PLAN, notices send PLAN --by NAME; for what is too late, another day or "
        "shipkeeper windows waive notices-sent PLAN --reason WHY --by WHO",
    ),
    Gate(
        id="checklist-before",
        when="at the start as of the window's opening, and before the first batch",
        opens="no box of the plan's checklist that was computed is failed or unknown, and none was read more than a "
        "day before; in production also: every cluster was read, and every box ticked; a box that was set aside on "
        "record counts as done",
        why="what is broken before a maintenance is worse after it, and is then taken for its fault",
        waits=_WAITS,
        person="shipkeeper checklist before PLAN --context NAME, to read it again; --tick BOX or --waive BOX "
        "--by WHO --note WHY",
    ),
    Gate(
        id="backup-fresh",
        when="at the start and before every batch of a plan with something that cannot be undone: an upgrade, a "
        "major change, a minor of Kubernetes, a control-plane node",
        opens="every schedule of Velero and every database of CloudNativePG has a completed backup no older than the "
        "declared RPO (24 h where nobody declared one), or a person ticked `backups-recent` within that time; outside "
        "production it is asked only where an RPO is declared",
        why="without a backup, what goes wrong with it stays wrong",
        waits=_WAITS,
        person="make a backup and wait until it is Completed; shipkeeper checklist before PLAN --tick backups-recent; "
        "shipkeeper windows waive backup-fresh PLAN --reason WHY --by WHO",
    ),
)
