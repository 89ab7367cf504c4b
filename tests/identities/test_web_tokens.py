"""Shows which JWTs prove who calls, and what is told of the others."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import jwt
import pytest
from fhirexport_server.identities.credential_errors import (
    CredentialProblem,
    CredentialsInvalidError,
    CredentialsUncheckedError,
    MissingClue,
)
from fhirexport_server.identities.key_set import ALGORITHMS, KeySet, read_key_set
from fhirexport_server.identities.web_tokens import LARGEST_TOKEN, TokenRules, WebTokens
from support.tokens import AUDIENCE, ISSUER, Issuer, PrivateKey, claims, jwk, key_set, new_key, unsigned

SIGNATURE = CredentialProblem.SIGNATURE
RULES = TokenRules(ISSUER, AUDIENCE)
ONE, TWO = "one", "two"


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


def _checker(issuer: Issuer, rules: TokenRules = RULES) -> WebTokens:
    keys = read_key_set(issuer.file.read_bytes())
    return WebTokens(rules, lambda: keys)


def _token(issuer: Issuer, changed: dict[str, object]) -> str:
    """Signs any claims: PyJWT's own function makes no token with some of them; others' do."""
    payload = json.dumps(claims(**changed)).encode()
    return jwt.PyJWS().encode(payload, issuer.keys["first"], "ES256", {"kid": "first"})


def _problem(issuer: Issuer, token: str, rules: TokenRules = RULES) -> CredentialProblem:
    with pytest.raises(CredentialsInvalidError) as refused:
        _checker(issuer, rules).identity(token)
    assert str(refused.value) == refused.value.problem
    assert refused.value.__cause__ is None  # PyJWT's own error quotes the token
    return refused.value.problem


def test_a_good_token_proves_its_subject(issuer: Issuer) -> None:
    token = issuer.token(scope="system/Patient.rs system/Encounter.rs", jti="one")
    found = _checker(issuer).identity(token)
    assert (found.proof, found.subject, found.issuer) == ("jwt", "laboratory", ISSUER)
    assert (found.scopes, found.token_id) == (
        frozenset({"system/Patient.rs", "system/Encounter.rs"}),
        "one",
    )
    assert found.key == "jwt:https://issuer.test#laboratory"


def test_a_token_without_scopes_has_none_and_one_with_an_empty_one_has_no_right(issuer: Issuer) -> None:
    assert _checker(issuer).identity(issuer.token()).scopes is None
    assert _checker(issuer).identity(issuer.token(scope="")).scopes == frozenset()


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": ["https://other.test", AUDIENCE]},
        {"exp": timedelta(seconds=-20)},
        {"nbf": timedelta(seconds=20)},
        {"iat": timedelta(seconds=20)},
        {"iat": None},
    ],
    ids=str,
)
def test_what_is_within_the_leeway_is_good(issuer: Issuer, changed: dict[str, object]) -> None:
    assert _checker(issuer).identity(_token(issuer, changed)).subject == "laboratory"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"exp": timedelta(seconds=-60)}, CredentialProblem.EXPIRED),
        ({"exp": None}, CredentialProblem.CLAIMS),
        ({"exp": "soon"}, CredentialProblem.MALFORMED),
        ({"exp": 1e400}, CredentialProblem.MALFORMED),
        ({"nbf": timedelta(seconds=60)}, CredentialProblem.NOT_YET_VALID),
        ({"iat": timedelta(seconds=60)}, CredentialProblem.NOT_YET_VALID),
        ({"iss": "https://issuer.test/"}, CredentialProblem.WRONG_ISSUER),
        ({"iss": "https://issuer"}, CredentialProblem.WRONG_ISSUER),
        ({"iss": [ISSUER]}, CredentialProblem.WRONG_ISSUER),
        ({"iss": None}, CredentialProblem.CLAIMS),
        ({"aud": f"{AUDIENCE}/"}, CredentialProblem.WRONG_AUDIENCE),
        ({"aud": []}, CredentialProblem.CLAIMS),
        ({"aud": {"a": AUDIENCE}}, CredentialProblem.WRONG_AUDIENCE),
        ({"aud": None}, CredentialProblem.CLAIMS),
        ({"sub": None}, CredentialProblem.CLAIMS),
        ({"sub": ""}, CredentialProblem.CLAIMS),
        ({"sub": 7}, CredentialProblem.CLAIMS),
        ({"sub": "x" * 257}, CredentialProblem.CLAIMS),
        ({"sub": "a\nb"}, CredentialProblem.CLAIMS),
        ({"jti": 7}, CredentialProblem.CLAIMS),
        ({"scope": ["system/Patient.rs"]}, CredentialProblem.CLAIMS),
    ],
    ids=str,
)
def test_a_claim_that_is_wrong_is_told(
    issuer: Issuer, changed: dict[str, object], problem: CredentialProblem
) -> None:
    assert _problem(issuer, _token(issuer, changed)) is problem


FORGED: dict[str, tuple[Callable[[Issuer], str], CredentialProblem]] = {
    "nothing": (lambda _: "", CredentialProblem.MALFORMED),
    "words": (lambda _: "let me in", CredentialProblem.MALFORMED),
    "two parts": (lambda issuer: issuer.token().rpartition(".")[0], CredentialProblem.MALFORMED),
    "four parts": (lambda issuer: f"{issuer.token()}.x", CredentialProblem.MALFORMED),
    "no base64": (lambda _: "?.?.?", CredentialProblem.MALFORMED),
    "no JSON": (lambda _: "eA.eA.eA", CredentialProblem.MALFORMED),
    "not ASCII": (lambda issuer: f"{issuer.token()}é", CredentialProblem.MALFORMED),
    "too long": (lambda issuer: issuer.token(more="x" * LARGEST_TOKEN), CredentialProblem.MALFORMED),
    "deep": (lambda _: f"{unsigned({}, alg='ES256', kid='first', x=_nested(500))}.eA", SIGNATURE),
    "alg none": (Issuer.unsigned, CredentialProblem.ALGORITHM),
    "HS256 with the public key": (Issuer.confused, CredentialProblem.ALGORITHM),
    "no alg": (lambda _: f"{unsigned(claims(), kid='first')}.eA", CredentialProblem.ALGORITHM),
    "alg of another key": (
        lambda _: f"{unsigned(claims(), alg='RS256', kid='first')}.eA",
        CredentialProblem.ALGORITHM,
    ),
    "tampered": (Issuer.tampered, CredentialProblem.SIGNATURE),
    "unknown kid": (lambda issuer: issuer.token(key="other"), CredentialProblem.UNKNOWN_KEY),
    "kid is a number": (
        lambda _: f"{unsigned(claims(), alg='ES256', kid=7)}.eA",
        CredentialProblem.MALFORMED,
    ),
    "critical header": (
        lambda issuer: issuer.token(header={"crit": ["exp"], "exp": 1}),
        CredentialProblem.MALFORMED,
    ),
    "another's key": (lambda issuer: _signed_by(issuer, new_key()), CredentialProblem.SIGNATURE),
    "its own key": (lambda issuer: _with_its_own_key(issuer, new_key()), CredentialProblem.SIGNATURE),
}


def _nested(depth: int) -> object:
    nested: object = 0
    for _ in range(depth):
        nested = [nested]
    return nested


def _signed_by(issuer: Issuer, key: PrivateKey, **changed: object) -> str:
    """Names the issuer's key, and is signed with another."""
    return jwt.encode(claims(**changed), key, algorithm=issuer.algorithm, headers={"kid": "first"})


def _with_its_own_key(issuer: Issuer, own: PrivateKey) -> str:
    """Names a key, and an address of keys, in the token itself."""
    header = {
        "kid": "first",
        "jwk": jwk(own),
        "jku": "http://127.0.0.1:1/jwks.json",
        "x5u": "http://127.0.0.1:1/",
    }
    return jwt.encode(claims(), own, algorithm=issuer.algorithm, headers=header)


@pytest.mark.parametrize("name", FORGED)
def test_what_is_forged_is_told(issuer: Issuer, name: str) -> None:
    make, problem = FORGED[name]
    assert _problem(issuer, make(issuer)) is problem


@pytest.mark.parametrize(
    ("kind", "algorithms"),
    [
        ("2048", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        ("P-256", ["ES256"]),
        ("P-384", ["ES384"]),
        ("P-521", ["ES512"]),
        ("Ed25519", ["EdDSA"]),
    ],
)
def test_every_algorithm_of_the_list_works_and_can_be_left_out(kind: str, algorithms: list[str]) -> None:
    key = new_key(kind)
    keys = read_key_set(key_set({"k": key}))
    for algorithm in algorithms:
        token = jwt.encode(claims(), key, algorithm=algorithm, headers={"kid": "k"})
        assert WebTokens(RULES, lambda: keys).identity(token).subject == "laboratory"
        others = TokenRules(ISSUER, AUDIENCE, tuple(name for name in ALGORITHMS if name != algorithm))
        with pytest.raises(CredentialsInvalidError) as refused:
            WebTokens(others, lambda: keys).identity(token)
        assert refused.value.problem is CredentialProblem.ALGORITHM


@pytest.mark.parametrize("algorithms", [(), ("HS256",), ("none",), ("ES256", "HS512")])
def test_no_rules_allow_a_secret_or_nothing(algorithms: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="must be of RS256"):
        TokenRules(ISSUER, AUDIENCE, algorithms)


def test_a_token_without_a_key_id_is_good_where_there_is_one_key(issuer: Issuer) -> None:
    token = jwt.encode(claims(), issuer.keys["first"], algorithm="ES256")
    assert _checker(issuer).identity(token).subject == "laboratory"
    issuer.keys["second"] = new_key()
    issuer.publish()
    assert _problem(issuer, token) is CredentialProblem.UNKNOWN_KEY


def test_without_keys_nobody_can_tell(issuer: Issuer) -> None:
    def unknown() -> KeySet | None:
        return None

    with pytest.raises(CredentialsUncheckedError) as refused:
        WebTokens(RULES, unknown).identity(issuer.token())
    assert refused.value.missing is MissingClue.KEYS


def test_a_token_of_single_use_is_good_once(issuer: Issuer) -> None:
    checker = _checker(issuer, TokenRules(ISSUER, AUDIENCE, single_use=True))
    token = issuer.token(jti="one")
    assert checker.identity(token).token_id == ONE
    assert checker.identity(issuer.token(jti="two")).token_id == TWO
    for replayed in (token, issuer.token(jti="one", exp=timedelta(seconds=200))):
        with pytest.raises(CredentialsInvalidError) as refused:
            checker.identity(replayed)
        assert refused.value.problem is CredentialProblem.REPLAYED


def test_a_forged_token_uses_none_up(issuer: Issuer) -> None:
    checker = _checker(issuer, TokenRules(ISSUER, AUDIENCE, single_use=True))
    good = issuer.token(jti="one")
    with pytest.raises(CredentialsInvalidError):
        checker.identity(_signed_by(issuer, new_key(), jti="one"))
    assert checker.identity(good).token_id == ONE


@pytest.mark.parametrize(
    "changed",
    [
        {"jti": None},
        {"jti": ""},
        {"jti": "one", "exp": timedelta(seconds=1000)},
        {"jti": "one", "exp": 10**400},
        {"jti": "one", "exp": 10**12 + 0.5},
    ],
    ids=lambda changed: str(changed)[:60],
)
def test_a_token_of_single_use_has_an_id_and_is_short_lived(
    issuer: Issuer, changed: dict[str, object]
) -> None:
    rules = TokenRules(ISSUER, AUDIENCE, single_use=True)
    assert _problem(issuer, _token(issuer, changed), rules) is CredentialProblem.CLAIMS
