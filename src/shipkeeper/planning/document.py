"""The plan file: JSON with a digest over everything in it."""

from __future__ import annotations

import msgspec

from shipkeeper.model.errors import BadInput, Location
from shipkeeper.model.plan import Plan


def encode_plan(plan: Plan) -> bytes:
    """The file's bytes: indented, so that two plans can be compared line by line."""
    return msgspec.json.format(msgspec.json.encode(plan), indent=2) + b"\n"


def decode_plan(data: bytes, name: str) -> Plan:
    """Read a plan and check its digest. ``name`` is what errors call it.

    Raises BadInput when it is no plan, or was edited after it was made.
    """
    try:
        plan = msgspec.json.decode(data, type=Plan)
    except msgspec.MsgspecError as error:
        raise BadInput(
            f"this is not a plan: {error}",
            location=Location(name),
            hint="make one: shipkeeper plan nodes --from INVENTORY --save FILE",
        ) from error
    if plan.kind != "Plan":
        raise BadInput(f"this is a {plan.kind}, not a plan", location=Location(name))
    try:
        plan.verify()
    except BadInput as error:
        error.location = Location(name)
        raise
    return plan
