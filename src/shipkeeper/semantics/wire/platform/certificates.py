"""cert-manager's certificates (cert-manager.io/v1): when they end, and whether they are renewed."""

from __future__ import annotations

from shipkeeper.model.operands import Certificate
from shipkeeper.semantics.wire.platform.parts import WireCrCondition, WireRef, condition, status_of, time_ms
from shipkeeper.semantics.wire.raw import Wire
from shipkeeper.semantics.wire.reader import Reader


class WireCertificateMeta(Wire):
    """metadata."""

    name: str
    namespace: str | None = None


class WireCertificateSpec(Wire):
    """spec."""

    secret_name: str | None = None
    issuer_ref: WireRef | None = None


class WireCertificateStatus(Wire):
    """status."""

    conditions: list[WireCrCondition] | None = None
    not_before: str | None = None
    not_after: str | None = None
    renewal_time: str | None = None
    failed_issuance_attempts: int | None = None


class WireCertificate(Wire):
    """A Certificate."""

    metadata: WireCertificateMeta
    spec: WireCertificateSpec | None = None
    status: WireCertificateStatus | None = None


def _certificate(wire: WireCertificate) -> tuple[Certificate]:
    meta, spec, status = wire.metadata, wire.spec or WireCertificateSpec(), wire.status or WireCertificateStatus()
    ready = condition(status.conditions, "Ready")
    issuer = spec.issuer_ref or WireRef()
    return (
        Certificate(
            namespace=meta.namespace or "default",
            name=meta.name,
            secret=spec.secret_name or "",
            issuer=f"{issuer.kind or 'Issuer'} {issuer.name}" if issuer.name else "",
            ready=status_of(status.conditions, "Ready"),
            reason=(ready.reason or "") if ready else "",
            not_before_ms=time_ms(status.not_before),
            not_after_ms=time_ms(status.not_after),
            renewal_ms=time_ms(status.renewal_time),
            failed_attempts=status.failed_issuance_attempts or 0,
        ),
    )


CERTIFICATES: Reader[Certificate] = Reader(
    "certificates", "Certificate", "/apis/cert-manager.io/v1", Certificate, WireCertificate, _certificate
)
