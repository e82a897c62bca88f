"""A first platform file, from what runs in a cluster and what a person answers."""

from __future__ import annotations

from shipkeeper.app.init.draft import Draft, draft
from shipkeeper.app.init.questions import QUESTIONS, Answers, Asked
from shipkeeper.app.init.write import written

__all__ = ["QUESTIONS", "Answers", "Asked", "Draft", "draft", "written"]
