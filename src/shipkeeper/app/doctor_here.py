"""What ``doctor`` looks at on this machine: the state folder, the key, the platform file, reboot programs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from shipkeeper.app.diagnosis import Check, failed, failure, passed, warned
from shipkeeper.app.platform_file import find_platform, load_platform
from shipkeeper.app.reboots import COMMAND, NONE, find_driver
from shipkeeper.app.state import State
from shipkeeper.integrations.system.secrets import ReferencedSecrets
from shipkeeper.journal.keys import load_or_make
from shipkeeper.journal.sqlite import SqliteJournal
from shipkeeper.model.declared_people import SECRET_URL
from shipkeeper.model.errors import ShipkeeperError
from shipkeeper.model.plan import Plan, RebootPlan
from shipkeeper.model.platform import Platform
from shipkeeper.model.time import SECOND, parse_duration
from shipkeeper.model.words import count


def state_checks(folder: str | None) -> list[Check]:
    """The state folder, the journal in it and the signing key; both are made where they are not there yet."""
    try:
        state = State.open(folder)
    except ShipkeeperError as error:
        return [failure("state", error)]
    exposed = state.folder.stat().st_mode & 0o022
    found = [
        warned("state", f"{state.folder} can be written by others", f"chmod go-w {state.folder}")
        if exposed
        else passed("state", str(state.folder))
    ]
    try:
        known = state.journal_path.exists()
        journal = SqliteJournal(state.journal_path)
        try:
            runs = len(journal.runs())
        finally:
            journal.close()
        words = count(runs, "run") if known else "made now"
        found.append(passed("journal", f"{state.journal_path}: WAL, synchronous FULL, a local disk; {words}"))
    except ShipkeeperError as error:
        found.append(failure("journal", error))
    try:
        made = not state.key_path.exists()
        signer = load_or_make(state.key_path)
        # The public half alone; it is what verifiers are told.
        words = f"Ed25519 {signer.key_id} in {state.key_path}{', made now' if made else ''}"
        found.append(passed("key", f"{words}; hand its public half to whoever verifies: shipkeeper evidence key"))
    except ShipkeeperError as error:
        found.append(failure("key", error))
    return found


def platform_checks(path: str | None, cwd: Path) -> tuple[Platform, list[Check]]:
    """The platform file; the defaults where there is none or it cannot be used."""
    try:
        platform, assumed = load_platform(path, cwd)
    except ShipkeeperError as error:
        return Platform(), [failure("platform", error)]
    found = path or find_platform(cwd)
    if found is None:
        return platform, [warned("platform", assumed[0] if assumed else "none", "write one, or name it: --platform")]
    return platform, [passed("platform", "; ".join((str(found), *assumed)))]


def driver_checks(plan: Plan | None, platform: Platform, environ: Mapping[str, str]) -> list[Check]:
    """The programs that reboot nodes and the secrets they need: the plan's, else all of the platform file.

    Without a plan what is missing is a warning: another machine may be the one that runs.
    """
    if plan is not None:
        return [_driver(plan.reboot, environ, needed=True)]
    return [
        _driver(
            RebootPlan(
                driver=name,
                argv=config.argv,
                delivered=config.delivered,
                environment=config.environment,
                timeout_seconds=parse_duration(config.timeout) // SECOND,
            ),
            environ,
            needed=False,
        )
        for name, config in sorted(platform.reboot_drivers.items())
    ]


def channel_checks(platform: Platform, environ: Mapping[str, str]) -> list[Check]:
    """Whether each channel's secrets can be read here: a warning, as another machine may be the one that sends."""
    secrets = ReferencedSecrets(environ)
    found = []
    for channel in platform.channels:
        references = [channel.token, channel.password, channel.url if channel.kind in SECRET_URL else ""]
        try:
            for reference in filter(None, references):
                secrets.read(reference, f"channel {channel.name}")
        except ShipkeeperError as error:
            bad = failure(f"channel {channel.name}", error)
            found.append(warned(bad.id, bad.reading, bad.mend))
        else:
            named = count(len([reference for reference in references if reference]), "secret")
            words = f"{channel.kind}; {named} can be read"
            found.append(passed(f"channel {channel.name}", words))
    return found


def _driver(reboot: RebootPlan, environ: Mapping[str, str], needed: bool) -> Check:
    id = f"reboot driver {reboot.driver}"
    if reboot.driver == NONE:
        return passed(id, "the plan reboots nothing")
    try:
        find_driver(COMMAND if reboot.argv else reboot.driver)
    except ShipkeeperError as error:
        return failure(id, error)
    programs = [argv[0] for argv in (reboot.argv, reboot.delivered) if argv]
    for program in programs:
        if shutil.which(program, path=environ.get("PATH", os.defpath)) is None:
            return (failed if needed else warned)(
                id,
                f"there is no program {program} that may be run here",
                "install it or give its whole path; a relative one counts from the folder that run is started in",
            )
    try:
        for name, reference in sorted(reboot.environment.items()):
            ReferencedSecrets(environ).read(reference, name)
    except ShipkeeperError as error:
        bad = failure(id, error)
        return bad if needed else warned(id, bad.reading, bad.mend)
    where = ", ".join(
        dict.fromkeys(str(shutil.which(program, path=environ.get("PATH", os.defpath))) for program in programs)
    )
    secrets = f"; {count(len(reboot.environment), 'secret')} can be read" if reboot.environment else ""
    return passed(id, f"{where or 'a person'}{secrets}")
