"""A certificate authority for tests, made anew each time."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """PEM of a certificate and of its key."""

    certificate: bytes
    key: str
    ends_ms: int

    def files(self, folder: Path) -> tuple[str, str]:
        folder.mkdir(parents=True, exist_ok=True)
        certificate, key = folder / "cert.pem", folder / "key.pem"
        certificate.write_bytes(self.certificate)
        key.write_text(self.key)
        return str(certificate), str(key)


@dataclass(frozen=True)
class Authority:
    """As kubeadm makes them: no key identifiers, which Python's strict checks would ask for."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, name: str = "kubernetes") -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        start = datetime.now(UTC) - timedelta(hours=1)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    def leaf(self, name: str, *, names: tuple[str, ...] = (), addresses: tuple[str, ...] = (), hours: int = 5) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
        ends = start + timedelta(hours=hours)
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(ends)
        )
        if names or addresses:
            found: list[x509.GeneralName] = [x509.DNSName(item) for item in names]
            found.extend(x509.IPAddress(ipaddress.ip_address(item)) for item in addresses)
            builder = builder.add_extension(x509.SubjectAlternativeName(found), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return Pair(certificate.public_bytes(Encoding.PEM), private.decode(), int(ends.timestamp() * 1_000))

    def server_context(self, pair: Pair, folder: Path, *, ask_client: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair.files(folder))
        if ask_client:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=self.pem.decode())
        return context
