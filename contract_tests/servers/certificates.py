"""Certificates for servers and clients of a run, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def authority(folder: Path, name: str) -> None:
    """Make a certificate that others are signed with: NAME.crt and NAME.key."""
    _openssl(folder, "req", "-x509", *_KEY, *_files(name, "crt"), "-subj", f"/CN={name}", "-days", "2")


def certificate(folder: Path, name: str, ca: str, *, subject: str = "IP:127.0.0.1") -> None:
    """Make a certificate that an authority has signed, for a server or a client."""
    (folder / f"{name}.ext").write_text(f"subjectAltName={subject}\n")
    _openssl(folder, "req", *_KEY, *_files(name, "csr"), "-subj", f"/CN={name}")
    signed = ("-CA", f"{ca}.crt", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext")
    _openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-out", f"{name}.crt", *signed)


def _files(name: str, end: str) -> tuple[str, ...]:
    return ("-keyout", f"{name}.key", "-out", f"{name}.{end}")


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=30)
