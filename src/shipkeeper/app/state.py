"""Where Shipkeeper keeps its state: the journal, forecasts by plan digest, the signing key."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec
import platformdirs

from shipkeeper.model.errors import BadInput, Failed
from shipkeeper.model.forecast import Forecast


@dataclass(frozen=True)
class State:
    """A state folder. Made on first use, readable by its owner only."""

    folder: Path

    @classmethod
    def open(cls, folder: str | os.PathLike[str] | None = None) -> State:
        """The folder named, else ``$SHIPKEEPER_STATE``, else the user's state folder. Raises Failed when unusable."""
        chosen = folder or os.environ.get("SHIPKEEPER_STATE") or platformdirs.user_state_dir("shipkeeper")
        path = Path(chosen).expanduser()
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise Failed(
                f"the state folder {path} cannot be made: {error.strerror}",
                why="without it nothing can be journalled, and nothing is done without a record",
                hint="name another with --state DIR or $SHIPKEEPER_STATE",
            ) from error
        return cls(path)

    @property
    def journal_path(self) -> Path:
        """The SQLite journal."""
        return self.folder / "journal.db"

    @property
    def key_path(self) -> Path:
        """The private signing key (Ed25519, PEM, mode 0600)."""
        return self.folder / "signing.key"

    def forecast_path(self, plan_digest: str) -> Path:
        """Where the newest forecast of that plan lies."""
        return self.folder / "forecasts" / (re.sub(r"[^0-9a-zA-Z]", "-", plan_digest) + ".json")

    def keep_forecast(self, forecast: Forecast) -> Path:
        """Save a forecast under its plan's digest."""
        path = self.forecast_path(forecast.plan_digest)
        path.parent.mkdir(exist_ok=True, mode=0o700)
        write_atomically(path, msgspec.json.format(msgspec.json.encode(forecast), indent=2))
        return path

    def find_forecast(self, plan_digest: str) -> Forecast | None:
        """The newest forecast of that plan, or None."""
        path = self.forecast_path(plan_digest)
        return read_forecast(path) if path.exists() else None


def read_forecast(path: Path) -> Forecast:
    """Read a forecast file. Raises BadInput when it is not one."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Forecast)
    except (OSError, msgspec.MsgspecError) as error:
        raise BadInput(
            f"{path} is not a forecast: {error}", hint="make one: shipkeeper rehearse PLAN --from INVENTORY"
        ) from error


def write_atomically(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file so that a crash leaves the old or the new one, never half of one."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
