"""An API server that answers as told where a test wants it to, and as the twin does otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from shipkeeper.ports.cluster import Eviction, EvictionAnswer

Answer = Callable[[Eviction, int], EvictionAnswer | None]


class Scripted:
    """``answer(eviction, how often that pod was asked for)`` may answer for the twin; ``calls`` logs verbs."""

    def __init__(self, inner: Any, answer: Answer | None = None) -> None:
        self._inner, self._answer = inner, answer
        self.asked: dict[str, int] = {}
        self.evictions: list[Eviction] = []
        self.calls: list[str] = []
        self.watches = 0
        self.before: dict[str, Callable[[], None]] = {}
        """By verb: called before the call is made; may raise."""

    def watch(self, *args: Any, **kwargs: Any) -> Any:
        self.watches += 1
        self.calls.append(f"watch {args[0].__name__} {kwargs}")
        return self._inner.watch(*args, **kwargs)

    async def evict_many(self, evictions: Sequence[Eviction]) -> tuple[EvictionAnswer, ...]:
        answers: dict[str, EvictionAnswer] = {}
        for eviction in evictions:
            self.evictions.append(eviction)
            self.asked[eviction.name] = self.asked.get(eviction.name, 0) + 1
            told = self._answer(eviction, self.asked[eviction.name]) if self._answer is not None else None
            if told is not None:
                answers[eviction.uid] = told
        rest = [eviction for eviction in evictions if eviction.uid not in answers]
        for answer in await self._inner.evict_many(rest) if rest else ():
            answers[answer.eviction.uid] = answer
        return tuple(answers[eviction.uid] for eviction in evictions)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            if name in self.before:
                self.before[name]()
            return await method(*args, **kwargs)

        return call
