"""Signed heads: the newest hash of a chain, signed at every point where the run may stop."""

from __future__ import annotations

import base64
import binascii

import msgspec

from shipkeeper.model.run import HeadSigned
from shipkeeper.ports.journal import Signer

FORMAT = "shipkeeper-head-1"


def head_bytes(run: str, seq: int, head: str) -> bytes:
    """What a head's signature covers: the JSON array of format, run, seq and hash."""
    return msgspec.json.encode([FORMAT, run, seq, head])


def sign_head(signer: Signer, run: str, seq: int, head: str) -> HeadSigned:
    """Sign the head (``seq``, ``head``) of a run. The event is then appended behind the record it speaks of."""
    signature = signer.sign(head_bytes(run, seq, head))
    return HeadSigned(seq=seq, head=head, signature=base64.b64encode(signature).decode(), key_id=signer.key_id)


def signature_of(event: HeadSigned) -> bytes:
    """The signature's bytes; empty when the text is no base64."""
    try:
        return base64.b64decode(event.signature, validate=True)
    except (binascii.Error, ValueError):
        return b""
