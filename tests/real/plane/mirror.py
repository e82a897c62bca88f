"""Local copies of kinds of objects, kept by watches, each change passed on."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable

from tests.real.plane.api import Api, ApiError, Object, path_of

Change = Callable[[str, str, Object], None]
RETRY_S = 0.2


def now_ms() -> int:
    """The wall clock in milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


class Mirror:
    """Watches some kinds and keeps what is there.

    `changed(kind, event, object)` is called under `lock` after each change, from one thread a kind.
    `gaps` holds (from, to) in epoch milliseconds when a kind was not watched: what happened then was
    not seen, so a claim about that time is not proven.
    """

    def __init__(self, api: Api, kinds: tuple[str, ...], changed: Change) -> None:
        self._api, self._kinds, self._changed = api, kinds, changed
        self.lock = threading.RLock()
        self.objects: dict[str, dict[tuple[str, str], Object]] = {kind: {} for kind in kinds}
        self.gaps: list[tuple[str, int, int]] = []
        self._stop = threading.Event()
        self._open: dict[str, http.client.HTTPSConnection] = {}
        self._listed = {kind: threading.Event() for kind in kinds}
        self._threads = [
            threading.Thread(target=self._follow, args=(kind,), name=f"mirror-{kind}", daemon=True) for kind in kinds
        ]

    def start(self, timeout_s: float = 30) -> None:
        """Start watching; returns once every kind was listed."""
        for thread in self._threads:
            thread.start()
        for kind, listed in self._listed.items():
            if not listed.wait(timeout_s):
                raise AssertionError(f"{kind} not listed within {timeout_s:g} s")

    def stop(self) -> None:
        """End all watches."""
        self._stop.set()
        for connection in list(self._open.values()):
            with contextlib.suppress(OSError, AttributeError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)

    def _list(self, kind: str) -> str:
        answer = self._api.call("GET", path_of(kind))
        found = {}
        for obj in answer.get("items") or []:
            meta = obj["metadata"]
            found[(str(meta.get("namespace") or ""), str(meta["name"]))] = obj
        with self.lock:
            gone = [obj for key, obj in self.objects[kind].items() if key not in found]
            self.objects[kind] = found
            for obj in gone:
                self._changed(kind, "DELETED", obj)
            for obj in found.values():
                self._changed(kind, "ADDED", obj)
        return str(answer["metadata"]["resourceVersion"])

    def _take(self, kind: str, event: str, obj: Object) -> None:
        meta = obj["metadata"]
        key = (str(meta.get("namespace") or ""), str(meta["name"]))
        with self.lock:
            if event == "DELETED":
                self.objects[kind].pop(key, None)
            else:
                self.objects[kind][key] = obj
            self._changed(kind, event, obj)

    def _follow(self, kind: str) -> None:
        version, lost_at = "", None
        while not self._stop.is_set():
            try:
                if not version:
                    version = self._list(kind)
                    if lost_at is not None:
                        self.gaps.append((kind, lost_at, now_ms()))
                        lost_at = None
                    self._listed[kind].set()
                version = self._watch_from(kind, version)
            except (ApiError, OSError):
                if self._stop.is_set():
                    return
                lost_at = lost_at or now_ms()
                version = ""
                time.sleep(RETRY_S)

    def _watch_from(self, kind: str, version: str) -> str:
        """Follow one stream to its end; the version to go on from."""

        def opened(connection: http.client.HTTPSConnection) -> None:
            self._open[kind] = connection

        for event, obj in self._api.watch(path_of(kind), version, opened):
            version = str(obj["metadata"]["resourceVersion"])
            if event != "BOOKMARK":
                self._take(kind, event, obj)
        return version
