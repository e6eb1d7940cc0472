"""Certificates for tests: an authority, a server's for 127.0.0.1, a client's, and an unrelated authority."""

import subprocess
from pathlib import Path


def make(folder: Path) -> None:
    """Write ca.pem, other.pem, server.pem, client.pem, and a ``NAME-key.pem`` for each."""

    def openssl(*argv: str) -> None:
        subprocess.run(("/usr/bin/openssl", *argv), cwd=folder, check=True, capture_output=True)

    (folder / "san").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    for name in ("ca", "other"):
        subject = ("-subj", f"/CN={name}", "-days", "9", "-nodes")
        openssl("req", "-x509", "-newkey", "rsa:2048", "-keyout", f"{name}-key.pem", "-out", f"{name}.pem", *subject)
    for name, more in (("server", ("-extfile", "san")), ("client", ())):
        pair = ("-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}-key.pem", "-out", f"{name}.csr")
        openssl("req", *pair, "-subj", f"/CN={name}")
        authority = ("-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial")
        openssl("x509", "-req", "-in", f"{name}.csr", *authority, "-days", "9", "-out", f"{name}.pem", *more)
