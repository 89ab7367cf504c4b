"""Shows which documents are sets of keys that can be used, and which keys of them."""

import json

import pytest
from fhirexport_server.identities.key_set import LARGEST_DOCUMENT, KeySetError, read_key_set
from support.tokens import jwk, key_set, new_key

KEY = new_key()
RSA = new_key("2048")


def _document(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


def test_the_keys_for_signatures_are_found_by_their_ids() -> None:
    keys = read_key_set(key_set({"a": KEY, "b": RSA}))
    assert set(keys.keys) == {"a", "b"}
    first, second = keys.find("a"), keys.find("b")
    assert first is not None
    assert first.algorithms == {"ES256"}
    assert second is not None
    assert second.algorithms == {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
    assert (keys.find("c"), keys.find(None)) == (None, None)


def test_a_key_without_an_id_is_the_only_one() -> None:
    keys = read_key_set(_document(jwk(KEY)))
    assert keys.find(None) is not None
    assert keys.find("a") is None
    with pytest.raises(KeySetError, match="without an id"):
        read_key_set(_document(jwk(KEY), jwk(RSA, kid="b")))


def test_what_is_not_for_signatures_or_of_another_kind_is_passed_over() -> None:
    others = [
        jwk(RSA, kid="encrypts", use="enc", alg="RSA-OAEP"),
        jwk(RSA, kid="wraps", alg="RSA-OAEP-256"),
        jwk(RSA, kid="says so", key_ops=["encrypt"]),
        jwk(new_key("secp256k1"), kid="bitcoin"),
        {"kty": "AKP", "kid": "later", "alg": "ML-DSA-44", "pub": "AA"},
        {"kty": ["EC"], "kid": "odd"},
        {"kty": "EC", "kid": "empty"},
        {"kty": "EC", "kid": "not on the curve", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "RSA", "kid": "tiny", "n": "AQAB", "e": "AQAB"},
        jwk(KEY, kid="odd", alg=["ES256"]),
        jwk(KEY, kid="of another", alg="ES384"),
    ]
    keys = read_key_set(_document(*others, jwk(KEY, kid="a", alg="ES256", key_ops=["verify"])))
    assert set(keys.keys) == {"a"}


def test_a_key_with_an_algorithm_is_for_that_one_alone() -> None:
    found = read_key_set(_document(jwk(RSA, kid="a", alg="PS384"))).find("a")
    assert found is not None
    assert found.algorithms == {"PS384"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is no JSON"),
        (b"\xff", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"{}", "has no list"),
        (b"[]", "has no list"),
        (b'{"keys": {}}', "has no list"),
        (_document(*[jwk(KEY, kid=str(n)) for n in range(101)]), "has no list of at most 100 keys"),
        (_document("key"), "is no key"),
        (_document(), "has no key for signatures"),
        (_document(jwk(new_key("P-256"), kid="a", use="enc")), "has no key for signatures"),
        (_document(jwk(KEY, kid=7)), "no text"),
        (_document(jwk(KEY, kid="a"), jwk(RSA, kid="a")), "two keys with one id"),
        (_document(jwk(KEY, kid="a", d="AA")), "private or secret"),
        (_document(jwk(KEY, kid="a"), {"kty": "oct", "k": "CANARY"}), "private or secret"),
        (b" " * (LARGEST_DOCUMENT + 1), "is larger than"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_document_that_is_wrong_is_refused_whole(content: bytes, told: str) -> None:
    with pytest.raises(KeySetError, match=told) as refused:
        read_key_set(content)
    assert "CANARY" not in str(refused.value)


def test_a_private_key_is_not_quoted() -> None:
    private = jwk(KEY, kid="a", d="CANARY-of-a-private-key")
    with pytest.raises(KeySetError) as refused:
        read_key_set(_document(private))
    assert private["d"] not in str(refused.value)
