#!/usr/bin/env python3
"""Build an example firmware: bytes derived from the version, signed with a new key.

It writes what a real build does: the image, the raw signature as `openssl dgst -sha256 -sign` writes it, and the
certificate with which devices verify it. The private key is never written.
"""

import argparse
import datetime
import hashlib
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

BLOCKS = 512


def build(version: str, folder: Path) -> Path:
    """Write `blinky.bin`, `blinky.sig` and `signer.pem` to a folder; returns the path of the image."""
    folder.mkdir(parents=True, exist_ok=True)
    image = f"blinky {version}\n".encode() + b"".join(
        hashlib.sha256(f"{version} {block}".encode()).digest() for block in range(BLOCKS)
    )
    key = ec.generate_private_key(ec.SECP256R1())
    (folder / "blinky.bin").write_bytes(image)
    (folder / "blinky.sig").write_bytes(key.sign(image, ec.ECDSA(hashes.SHA256())))
    (folder / "signer.pem").write_bytes(_certificate(key).public_bytes(serialization.Encoding.PEM))
    return folder / "blinky.bin"


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "blinky example signer")])
    today = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    return (
        builder.not_valid_before(today)
        .not_valid_after(today + datetime.timedelta(days=3650))
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .sign(key, hashes.SHA256())
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Build and sign an example firmware.")
    parser.add_argument("--version", default="1.0.0", help="version to build (default: %(default)s)")
    parser.add_argument(
        "--folder", type=Path, default=Path(__file__).parent, help="output folder (default: the folder of this script)"
    )
    arguments = parser.parse_args()
    print(build(arguments.version, arguments.folder))
