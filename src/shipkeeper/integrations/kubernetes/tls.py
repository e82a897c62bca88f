"""TLS towards the API server, as kubectl trusts it."""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path

from shipkeeper.integrations.kubernetes.access import Access
from shipkeeper.integrations.kubernetes.credentials import ClientCertificate
from shipkeeper.model.errors import UsageProblem


def tls_context(access: Access, certificate: ClientCertificate | None, environ: Mapping[str, str]) -> ssl.SSLContext:
    """A context for this cluster and client certificate. Raises UsageProblem when a certificate or key is unusable."""
    try:
        context = ssl.create_default_context(cadata=access.ca.decode("ascii") if access.ca else None)
    except (ssl.SSLError, UnicodeError):
        raise UsageProblem("the cluster's certificate authority is not PEM", code="bad-ca") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Go, and so kubectl, takes any given certificate as an anchor, and asks of a CA only what Kubernetes' own CAs have.
    # Python 3.13 asks for more (VERIFY_X509_STRICT) and would refuse clusters that kubectl reaches.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        _load(context, certificate, environ)
    return context


def _load(context: ssl.SSLContext, certificate: ClientCertificate, environ: Mapping[str, str]) -> None:
    """OpenSSL reads keys from files only: one of mode 0600, in a folder of ours alone, for as long as loading takes."""
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    folder = tempfile.mkdtemp(prefix="shipkeeper-", dir=runtime if os.access(runtime, os.W_OK) else None)
    try:
        path = Path(folder, "client.pem")
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(certificate.certificate + b"\n" + certificate.key.reveal().encode("ascii", "replace") + b"\n")
        # An encrypted key would make OpenSSL ask at the terminal: an empty password makes it fail instead.
        context.load_cert_chain(path, password=lambda: b"")
    except (ssl.SSLError, ValueError):
        raise UsageProblem(
            "the client certificate and key cannot be used",
            code="bad-client-certificate",
            why="they are not PEM, do not belong together, or the key is encrypted",
            hint="give an unencrypted key that belongs to the certificate",
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
