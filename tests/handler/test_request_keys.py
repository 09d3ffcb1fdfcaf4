"""Private keys in an event, into which a parameter of a template or another tool may have put them."""

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest

from cdk_iot_ota_handler.ota_update import request
from cdk_iot_ota_handler.ota_update.contract import private_keys
from cdk_iot_ota_handler.ota_update.desired import Desired
from cdk_iot_ota_handler.ota_update.errors import FatalError
from tests.keys import forms, pem_of, quoted, rsa_key, text_of

from ..fakes.ota_service import FakeOtaService
from .scenarios import REQUEST, event
from .test_index import failure

SHAPE: Any = botocore.session.get_session().get_service_model("iot").operation_model("CreateOTAUpdate").input_shape
Put = Callable[[dict[str, Any], str], None]
CUSTOM: dict[str, Any] = {
    "signature": {"inlineDocument": base64.b64encode(b"MAYCAQECAQE=").decode()},
    "certificateChain": {"certificateName": "/signer.pem"},
    "hashAlgorithm": "SHA256",
    "signatureAlgorithm": "ECDSA",
}


def asked(put: Put, text: str) -> dict[str, Any]:
    """Return the request of an event into which a text was put."""
    made: dict[str, Any] = copy.deepcopy(REQUEST)
    made["files"][0]["codeSigning"] = {"customCodeSigning": copy.deepcopy(CUSTOM)}
    put(made, text)
    return made


def custom(made: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a request that describes the signature."""
    found: dict[str, Any] = made["files"][0]["codeSigning"]["customCodeSigning"]
    return found


def encoded(layers: int) -> Put:
    """Return what puts a text into the signature, under so many layers of base64."""

    def put(made: dict[str, Any], text: str) -> None:
        raw = text.encode("utf-8" if any(ord(letter) > 255 for letter in text) else "latin-1")
        for _ in range(layers):
            raw = base64.b64encode(raw)
        custom(made)["signature"]["inlineDocument"] = raw.decode("latin-1")

    return put


class CheckedService(FakeOtaService):
    """A service that checks requests as the real one does."""

    def connect(self, killed_at: tuple[int, str] | None = None) -> Any:
        """Return the service for one invocation."""
        connection = super().connect(killed_at)
        connection.request = lambda desired: request.create_request(desired, SHAPE)
        return connection


PLACES: dict[str, Put] = {
    "signature as it is": encoded(0),
    "signature in base64": encoded(1),
    "signature in the API's base64 of base64": encoded(2),
    "signature that is text": lambda made, text: custom(made).update(signature=text),
    "certificate chain": lambda made, text: custom(made)["certificateChain"].update(inlineDocument=text),
    "certificate chain that is text": lambda made, text: custom(made).update(certificateChain=text),
    "certificate name": lambda made, text: custom(made)["certificateChain"].update(certificateName=text),
    "hash algorithm": lambda made, text: custom(made).update(hashAlgorithm=text),
    "unknown member": lambda made, text: custom(made).update({text: "a"}),
    "code signing that is text": lambda made, text: made["files"][0].update(codeSigning=text),
    "description": lambda made, text: made.update(description=text),
    "value of an attribute": lambda made, text: made["files"][0].update(attributes={"key": text}),
    "key of an attribute": lambda made, text: made["files"][0].update(attributes={text: ["a"]}),
    "target": lambda made, text: made.update(targets=[text]),
    "path of a certificate on the device": lambda made, text: made["files"][0].update(
        codeSigning={"startSigningJobParameter": {"signingProfileParameter": {"certificatePathOnDevice": text}}}
    ),
}


@pytest.mark.parametrize("put", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("kind", ["EC", "RSA"])
def test_a_private_key_is_refused_and_never_quoted(kind: str, put: Put) -> None:
    """A private key in any form and any member is fatal before the creation, by an error without eight bytes of it."""
    for form, content in forms(kind).items():
        desired = Desired.from_event(event("Create", Request=asked(put, text_of(content))))
        with pytest.raises(
            FatalError, match=r"must not contain a private key.*the private key stays where you"
        ) as refused:
            request.create_request(desired, SHAPE)
        assert quoted(str(refused.value), content) == [], form


@pytest.mark.parametrize("place", ["signature in the API's base64 of base64", "certificate chain", "certificate name"])
def test_no_update_is_created_and_no_line_logged_with_a_private_key(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The event fails with the member, AWS IoT gets no CreateOTAUpdate, and neither log nor reason has the key."""
    content = forms("EC")["traditional PEM"]
    service = CheckedService()
    reason = failure(service, event("Create", Request=asked(PLACES[place], text_of(content))))
    assert "Request.files[0].codeSigning.customCodeSigning." in reason
    assert "must not contain a private key" in reason
    assert service.created == []
    printed = "".join(capsys.readouterr())
    assert "must not contain a private key" in printed
    assert quoted(reason + printed, content) == []


@pytest.mark.parametrize(
    ("put", "message"),
    [
        (encoded(0), r"signature\.inlineDocument must be base64 text, got a str of length "),
        (PLACES["signature that is text"], r"customCodeSigning\.signature must be a mapping, got a str of length "),
        (PLACES["certificate chain that is text"], r"certificateChain must be a mapping, got a str of length "),
        (PLACES["certificate name"], r"certificateName must have no control or .* got '\\n' in a str of length "),
        (PLACES["code signing that is text"], r"codeSigning must be a mapping, got "),
    ],
    ids=["signature", "signature as text", "chain as text", "name", "signing as text"],
)
def test_a_signature_and_certificates_are_never_quoted(put: Put, message: str) -> None:
    """An error for what may be a part of a key, of which nothing tells that it is one, does not quote it either."""
    part = "\n".join(forms("RSA")["PKCS#8 in PEM"].decode().splitlines()[3:6])
    desired = Desired.from_event(event("Create", Request=asked(put, part)))
    with pytest.raises(FatalError, match=message) as refused:
        request.create_request(desired, SHAPE)
    if "codeSigning must" not in message:
        assert quoted(str(refused.value), part.encode()) == []


def test_signatures_and_certificates_pass() -> None:
    """A request with a signature, a chain and texts about keys passes."""
    chain = pem_of(rsa_key()).decode() * 2
    made = asked(PLACES["certificate chain"], chain)
    made["description"] = "the private key of blinky is in /keys/signer.key"
    sent = request.create_request(Desired.from_event(event("Create", Request=made)), SHAPE)
    assert custom(sent)["certificateChain"]["inlineDocument"] == chain
    assert json.dumps(custom(sent)["signature"]["inlineDocument"].decode()) == '"MAYCAQECAQE="'


@pytest.mark.parametrize(
    ("path", "is_shown"),
    [
        ("files[0].codeSigning.customCodeSigning.hashAlgorithm", True),
        ("files[0].codeSigning.customCodeSigning.signature", False),
        ("files[0].codeSigning.startSigningJobParameter.signingProfileParameter.platform", True),
        ("files[0].codeSigning.startSigningJobParameter.signingProfileParameter.certificatePathOnDevice", False),
    ],
)
def test_only_what_can_be_no_key_is_quoted(path: str, *, is_shown: bool) -> None:
    """An error for a value of the wrong type shows it, but for signatures, chains and paths of certificates."""
    with pytest.raises(FatalError, match="must be text, got ") as refused:
        request._expect(["a value"], str, path)
    assert ("a value" in str(refused.value)) is is_shown


def test_the_shortest_words_of_a_key_are_noticed_in_an_encoding() -> None:
    """Texts too short for a key are not decoded, and the shortest words around one are not too short."""
    shortest = base64.b64encode(b"END PRIVATE KEY").decode()
    assert private_keys.is_in(shortest)
    assert not private_keys.is_in(shortest[:-1])


def test_the_beginning_of_a_key_is_enough() -> None:
    """The first seven bytes of a key that is cut short are recognized, and fewer are not."""
    assert private_keys.is_in(bytes.fromhex("30050201003000"))
    assert not private_keys.is_in(bytes.fromhex("300502010030"))
