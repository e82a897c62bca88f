"""The run's own hand in the journal: nothing is told to anybody that is not on record."""

from __future__ import annotations

from shipkeeper.execution.status import RunView
from shipkeeper.execution.world import World
from shipkeeper.journal.heads import sign_head
from shipkeeper.model.run import Noted, RunEvent


class Record:
    """Writes events as group commits, keeps the fold, and passes entries on to whoever shows them."""

    def __init__(self, world: World, run_id: str) -> None:
        """Read what is known of the run. Raises Failed (journal-broken) on a broken chain."""
        self._world = world
        self.run_id = run_id
        self.view = RunView.of(world.journal.read(run_id))

    def write(self, *events: RunEvent) -> None:
        """Make the events durable, all or none. Raises Failed (journal-unwritable): then nothing may be done."""
        if not events:
            return
        for entry in self._world.journal.append(self.run_id, self._world.runtime.now_ms(), events):
            self.view.apply(entry)
            self._world.on_entry(entry)

    def note(self, topic: str, text: str, step: str = "", object: str = "") -> None:
        """Record something observed."""
        self.write(Noted(topic=topic, text=text, step=step, object=object))

    def sign(self) -> str:
        """Sign the head, where there is a signer; returns ``run seq hash`` for the Lease (empty without hashes)."""
        seq, head = self.view.seq, self.view.head
        if self._world.signer is not None:
            seq, head = self._world.journal.head(self.run_id)
            self.write(sign_head(self._world.signer, self.run_id, seq, head))
        return f"{self.run_id} {seq} {head}" if head else ""
