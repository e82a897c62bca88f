"""Throw-away certificates: by the openssl command, or by the `cryptography` package.

Everything is valid for a few days and lies in the plane's own folder.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .errors import PlaneError

DAYS = 14
SERVER_NAMES = (
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
)
SERVER_ADDRESSES = ("127.0.0.1", "::1", "10.96.0.1")
_NAME = re.compile(r"^[A-Za-z0-9:._@-]{1,64}$")


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


def pair(folder: Path, name: str) -> Pair:
    """The files of a certificate called `name`."""
    return Pair(folder / f"{name}.crt", folder / f"{name}.key")


def _openssl(argv: list[str], folder: Path) -> None:
    done = subprocess.run(["openssl", *argv], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join(done.stderr.splitlines()[-5:])
        raise PlaneError(f"openssl {argv[0]} failed:\n{tail}")


def _key_by_openssl(path: Path) -> None:
    curve = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    _openssl(["genpkey", *curve, "-out", str(path)], path.parent)
    path.chmod(0o600)


def _authority_by_openssl(made: Pair) -> None:
    _key_by_openssl(made.key)
    config = made.certificate.with_suffix(".cnf")
    config.write_text(
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=throw-away-ca\n"
        "[ext]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
        "subjectKeyIdentifier=hash\n"
    )
    argv = ["req", "-x509", "-new", "-key", str(made.key), "-days", str(DAYS)]
    _openssl([*argv, "-config", str(config), "-out", str(made.certificate)], config.parent)


def _leaf_by_openssl(made: Pair, authority: Pair, name: str, groups: list[str], server: bool) -> None:
    _key_by_openssl(made.key)
    config, request = made.certificate.with_suffix(".cnf"), made.certificate.with_suffix(".csr")
    lines = ["[req]", "distinguished_name=dn", "prompt=no", "[dn]"]
    lines += [f"{index}.O={group}" for index, group in enumerate(groups)]
    lines += [f"CN={name}", "[ext]", "basicConstraints=critical,CA:FALSE"]
    lines += ["keyUsage=critical,digitalSignature"]
    lines += [f"extendedKeyUsage={'serverAuth,clientAuth' if server else 'clientAuth'}"]
    if server:
        names = [f"DNS:{value}" for value in SERVER_NAMES]
        names += [f"IP:{value}" for value in SERVER_ADDRESSES]
        lines.append(f"subjectAltName={','.join(names)}")
    config.write_text("\n".join(lines) + "\n")
    folder = config.parent
    argv = ["req", "-new", "-key", str(made.key), "-config", str(config)]
    _openssl([*argv, "-out", str(request)], folder)
    serial = str(int.from_bytes(os.urandom(8), "big") | 1)
    argv = ["x509", "-req", "-in", str(request), "-CA", str(authority.certificate)]
    argv += ["-CAkey", str(authority.key), "-set_serial", serial, "-days", str(DAYS)]
    argv += ["-extfile", str(config), "-extensions", "ext", "-out", str(made.certificate)]
    _openssl(argv, folder)


def _write_key(path: Path, key: object) -> None:
    from cryptography.hazmat.primitives import serialization

    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(  # type: ignore[attr-defined]
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def _by_cryptography(made: Pair, authority: Pair | None, name: str, groups: list[str], server: bool) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    _write_key(made.key, key)
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    subject = x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    issuer, signer = subject, key
    if authority is not None:
        issuer = x509.load_pem_x509_certificate(authority.certificate.read_bytes()).subject
        loaded = serialization.load_pem_private_key(authority.key.read_bytes(), None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signer = loaded
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), True)
    )
    if authority is not None:
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if server:
            usages.append(ExtendedKeyUsageOID.SERVER_AUTH)
            names: list[x509.GeneralName] = [x509.DNSName(value) for value in SERVER_NAMES]
            names += [x509.IPAddress(ipaddress.ip_address(value)) for value in SERVER_ADDRESSES]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), False)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), False)
    certificate = builder.sign(signer, hashes.SHA256())
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def maker() -> str:
    """Which tool makes certificates here. Raises PlaneError when there is none."""
    if shutil.which("openssl"):
        return "openssl"
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise PlaneError(
            "certificates need the openssl command (missing on PATH) or the Python package "
            "'cryptography' (not importable): install either"
        ) from None
    return "cryptography"


def authority(folder: Path) -> Pair:
    """Make the certificate authority of a plane."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = pair(folder, "ca")
    if maker() == "openssl":
        _authority_by_openssl(made)
    else:
        _by_cryptography(made, None, "throw-away-ca", [], False)
    return made


def leaf(folder: Path, file: str, name: str, groups: list[str] | None = None, server: bool = False) -> Pair:
    """Make a certificate signed by the plane's authority.

    `name` becomes the user (common name), each of `groups` a group (organization).
    """
    for value in (name, *(groups or [])):
        if not _NAME.match(value):
            raise PlaneError(f"{value!r} cannot be a user or group of a certificate here")
    made = pair(folder, file)
    if maker() == "openssl":
        _leaf_by_openssl(made, pair(folder, "ca"), name, groups or [], server)
    else:
        _by_cryptography(made, pair(folder, "ca"), name, groups or [], server)
    return made


def signing_key(folder: Path) -> Pair:
    """The key pair of ServiceAccount tokens: a self-signed certificate carries the public half."""
    made = pair(folder, "service-account")
    if maker() == "openssl":
        _key_by_openssl(made.key)
        public = ["pkey", "-in", str(made.key), "-pubout", "-out", str(made.certificate)]
        _openssl(public, folder)
    else:
        _by_cryptography(made, None, "service-account", [], False)
    return made
