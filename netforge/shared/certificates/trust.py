"""``netforge trust``: the local authority's root, for people and for the system."""

from __future__ import annotations

import ssl
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from shutil import which

from twisted.internet.threads import deferToThreadPool

from netforge.plugin import Command, CommandFailed, Context, Field, ICertificates, Settings

__all__ = ["TRUST", "TrustOptions"]

#: Where Debian and what comes of it keep the roots that were added, and what takes them over.
FOLDER = Path("/usr/local/share/ca-certificates")
UPDATE = "update-ca-certificates"


class TrustOptions(Settings):
    """Print the root certificate of the local authority, which clients must trust; or have this system trust it."""

    install: bool = Field(False, description="add it to the system's roots, so that every program here trusts it")
    remove: bool = Field(False, description="take it away from there")


async def trust(context: Context, options: TrustOptions) -> None:
    """Print the root and its fingerprint, install it or remove it."""
    pem = context[ICertificates].authority()
    fingerprint = sha256(ssl.PEM_cert_to_DER_cert(pem.decode())).digest()
    path = FOLDER / f"netforge-{fingerprint[:8].hex()}.crt"
    if options.install and options.remove:
        raise CommandFailed("install it or remove it, not both")
    if options.install or options.remove:
        change = _remove if options.remove else _install
        await deferToThreadPool(context.reactor, context.reactor.getThreadPool(), change, path, pem)
        sys.stdout.write(f"{'removed' if options.remove else 'installed'} {path}\n")
    else:
        sys.stdout.write(f"{pem.decode()}SHA-256 fingerprint: {fingerprint.hex(':').upper()}\n")


def _install(path: Path, pem: bytes) -> None:
    program = _program()
    try:
        path.write_bytes(pem)
    except OSError as error:
        raise _failed(path, error) from None
    _run(program)


def _remove(path: Path, pem: bytes) -> None:
    program = _program()
    try:
        path.unlink()
    except OSError as error:
        raise _failed(path, error) from None
    _run(program, "--fresh")


def _program() -> str:
    program = which(UPDATE)
    if program is None:
        raise CommandFailed(
            f"this system has no {UPDATE} (Debian: apt install ca-certificates): "
            "give what netforge trust prints to its own tools"
        )
    return program


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip() or f"it ended with status {done.returncode}"
        raise CommandFailed(f"{command[0]} failed: {said}")


def _failed(path: Path, error: OSError) -> CommandFailed:
    hint = ": run it as root" if isinstance(error, PermissionError) else ""
    return CommandFailed(f"{path}: {error.strerror}{hint}")


TRUST = Command("trust", TrustOptions, trust, needs=[ICertificates])
