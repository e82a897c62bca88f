"""Gate notices-sent, asked for a plan: from the platform file, the logbook and the forecast in state."""

from __future__ import annotations

from shipkeeper.app.clock import now_ms
from shipkeeper.app.logbook import Logbook
from shipkeeper.app.notices.occasions import of_plan
from shipkeeper.app.state import State
from shipkeeper.assessment.notices.duties import duties
from shipkeeper.assessment.notices.ledger import Ledger
from shipkeeper.assessment.notices.obligations import obligations
from shipkeeper.assessment.standing.notices_sent import notices_sent
from shipkeeper.model.plan import Plan
from shipkeeper.model.platform import Platform
from shipkeeper.ports.gates import GateReading


def read_notices(plan: Plan, platform: Platform, state: State, logbook: Logbook, at_ms: int) -> GateReading:
    """Whether everybody was told in time. Of an instant that is still to come, what is known now is told."""
    occasion = of_plan(plan, platform, state.find_forecast(plan.digest))
    ledger = Ledger.of((item.at_ms, item.event) for item in logbook.read())
    found = duties(occasion, obligations(occasion, platform), platform.channels, ledger)
    return notices_sent(occasion, found, min(at_ms, now_ms()))
