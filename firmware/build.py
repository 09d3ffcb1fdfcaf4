#!/usr/bin/env python3
"""Build an example firmware: bytes derived from the version, signed with a new key or with the one in a file.

It writes what a real build does: the image, the raw signature as `openssl dgst -sha256 -sign` writes it, and the
certificate with which devices verify it. A new key is not written unless you ask for it.
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


def build(version: str, folder: Path, key_file: Path | None = None) -> Path:
    """Write `blinky.bin`, `blinky.sig` and `signer.pem` to a folder; returns the path of the image.

    key_file: the signer's private key in PEM, created if it does not exist; None for a new key that is not written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image = f"blinky {version}\n".encode() + b"".join(
        hashlib.sha256(f"{version} {block}".encode()).digest() for block in range(BLOCKS)
    )
    key = _key(key_file)
    (folder / "blinky.bin").write_bytes(image)
    (folder / "blinky.sig").write_bytes(key.sign(image, ec.ECDSA(hashes.SHA256())))
    (folder / "signer.pem").write_bytes(_certificate(key).public_bytes(serialization.Encoding.PEM))
    return folder / "blinky.bin"


def _key(path: Path | None) -> ec.EllipticCurvePrivateKey:
    if path is not None and path.exists():
        found = serialization.load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(found, ec.EllipticCurvePrivateKey):
            raise SystemExit(f"--key must be a private key for ECDSA, got another kind in {str(path)!r}")
        return found
    key = ec.generate_private_key(ec.SECP256R1())
    if path is not None:
        path.touch(mode=0o600)
        plain = serialization.NoEncryption()
        path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return key


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
    parser.add_argument(
        "--key", type=Path, help="file of the private key, created if it does not exist (default: a new key each time)"
    )
    arguments = parser.parse_args()
    print(build(arguments.version, arguments.folder, arguments.key))
