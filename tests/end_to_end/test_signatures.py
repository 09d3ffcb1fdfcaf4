"""A signature reaches devices as it was made: through the construct, CloudFormation, the handler and AWS IoT."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from aws_cdk import Stack
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdk_iot_ota import (
    CodeSigning,
    FileLocation,
    HashAlgorithm,
    OtaFile,
    OtaTarget,
    OtaUpdate,
    RolloutGate,
    SignatureAlgorithm,
)
from cdk_iot_ota_local import TAKES_ALL, Account, Fleet
from tests import keys
from tests.end_to_end.support.deployment import Deployment

KEYS: dict[str, Callable[[], keys.Key]] = {
    "P-256": keys.ec_key,
    "P-384": lambda: keys.ec_key("P-384"),
    "P-521": lambda: keys.ec_key("P-521"),
    "RSA-2048": lambda: keys.rsa_key(bits=2048),
    "RSA-3072": lambda: keys.rsa_key(bits=3072),
    "RSA-4096": lambda: keys.rsa_key(bits=4096),
}
images = st.fixed_dictionaries({name: st.binary(min_size=1, max_size=5000) for name in KEYS})


def signed_with(name: str, image: bytes) -> CodeSigning:
    """Return the signing of an image with a real key; synth verifies it with the key's certificate."""
    key = KEYS[name]()
    is_ecdsa = isinstance(key, ec.EllipticCurvePrivateKey)
    return CodeSigning.custom(
        signature=key.sign(image, ec.ECDSA(hashes.SHA256()))
        if isinstance(key, ec.EllipticCurvePrivateKey)
        else key.sign(image, padding.PKCS1v15(), hashes.SHA256()),
        hash_algorithm=HashAlgorithm.SHA256,
        signature_algorithm=SignatureAlgorithm.ECDSA if is_ecdsa else SignatureAlgorithm.RSA,
        certificate_name=f"/{name}.pem",
        certificate=keys.pem_of(key),
    )


def test_signatures_of_real_keys(aws: Account, deployment: Deployment) -> None:
    """Devices verify any image that was signed with a key of any usual kind, and pass the gates of their updates."""
    certificates = {f"/{name}.pem": keys.pem_of(key()) for name, key in KEYS.items()}
    with Fleet(aws, f"signed-{time.monotonic_ns()}", len(KEYS), certificate=certificates, profile=TAKES_ALL) as fleet:
        fleet.register()
        fleet.start()

        def declaration(images: Mapping[str, bytes]) -> Callable[[Stack], None]:
            def declare(stack: Stack) -> None:
                for thing, (name, image) in zip(fleet.things, images.items(), strict=True):
                    path = deployment.folder / f"{name}.bin"
                    path.write_bytes(image)
                    file = OtaFile(
                        name=f"/{name}.bin",
                        location=FileLocation.from_asset(path),
                        signing=signed_with(name, image),
                    )
                    OtaUpdate(stack, name, targets=[OtaTarget.thing(thing)], files=[file], gate=RolloutGate())

            return declare

        @settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(images)
        def deploys(images: Mapping[str, bytes]) -> None:
            fleet.reports.clear()
            deployment.deploy(declaration(images))
            assert fleet.problems == {}
            assert [report.status for report in fleet.reports].count("SUCCEEDED") == len(KEYS)
            assert fleet.bytes_loaded > 0

        deploys()
