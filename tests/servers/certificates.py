"""A private authority, as institutes have, and a certificate of it for this machine."""

import subprocess
from pathlib import Path

_NEW = ["openssl", "req", "-x509", "-nodes", "-days", "2"]
_NEW += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
_OURS = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Authority of an institute"]
_THEIRS = ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "key.pem", "-out", "certificate.pem"]
_THEIRS += ["-subj", "/CN=localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
_NAMES = "subjectAltName=DNS:localhost,DNS:packages.invalid,IP:127.0.0.1"


def authority(folder: Path) -> Path:
    """Write `ca.pem`, and `both.pem`: a certificate with its key, for servers and for persons."""
    for options in (_OURS, [*_THEIRS, "-addext", _NAMES]):
        subprocess.run([*_NEW, *options], cwd=folder, check=True, capture_output=True)
    parts = [(folder / part).read_text() for part in ("certificate.pem", "key.pem")]
    (folder / "both.pem").write_text("".join(parts))
    return folder
