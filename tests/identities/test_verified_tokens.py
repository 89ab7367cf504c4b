"""Shows that a verified JWT is remembered while it is good, and while the keys that verified it count."""

import time
from datetime import timedelta
from pathlib import Path

import pytest
from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.credential_errors import (
    CredentialProblem,
    CredentialsInvalidError,
    CredentialsUncheckedError,
)
from fhirexport_server.identities.key_set import KeySet, read_key_set
from fhirexport_server.identities.verified_tokens import VerifiedTokens
from fhirexport_server.identities.web_tokens import LEEWAY_SECONDS, TokenRules, WebTokens
from support.tokens import AUDIENCE, ISSUER, Issuer, key_set, new_key

RULES = TokenRules(ISSUER, AUDIENCE)
LABORATORY = Identity("jwt", "laboratory", ISSUER)
FOREVER = {"exp": 10**10}
NOW = 1_000.0
CAPACITY = 3


class _Published:
    """The keys of an issuer, as they are now."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer
        self.keys: KeySet | None = None
        self.publish()

    def publish(self) -> None:
        """Publish the issuer's keys."""
        self.keys = read_key_set(key_set(self.issuer.keys))

    def __call__(self) -> KeySet | None:
        return self.keys


@pytest.fixture
def published(tmp_path: Path) -> _Published:
    return _Published(Issuer(tmp_path))


@pytest.fixture
def keys(published: _Published) -> KeySet:
    assert published.keys is not None
    return published.keys


@pytest.fixture
def verified(keys: KeySet) -> VerifiedTokens:
    empty = VerifiedTokens(leeway=30, capacity=CAPACITY)
    assert empty.find("a", keys, NOW) is None
    return empty


def _problem(checker: WebTokens, token: str) -> CredentialProblem:
    with pytest.raises(CredentialsInvalidError) as refused:
        checker.identity(token)
    return refused.value.problem


def test_a_token_is_verified_once(published: _Published) -> None:
    checker, token = WebTokens(RULES, published), published.issuer.token()
    assert checker.identity(token) is checker.identity(token)


def test_a_token_of_single_use_is_never_remembered(published: _Published) -> None:
    checker = WebTokens(TokenRules(ISSUER, AUDIENCE, single_use=True), published)
    token = published.issuer.token(jti="one")
    checker.identity(token)
    assert _problem(checker, token) is CredentialProblem.REPLAYED


@pytest.mark.parametrize(
    ("name", "problem"),
    [("first", CredentialProblem.SIGNATURE), ("second", CredentialProblem.UNKNOWN_KEY)],
)
def test_a_remembered_token_ends_with_the_keys_that_verified_it(
    published: _Published, name: str, problem: CredentialProblem
) -> None:
    checker, token = WebTokens(RULES, published), published.issuer.token()
    checker.identity(token)
    published.issuer.keys = {name: new_key()}
    published.publish()
    assert _problem(checker, token) is problem
    assert _problem(checker, token) is problem


def test_a_remembered_token_cannot_be_checked_where_the_keys_are_not_known(published: _Published) -> None:
    checker, token = WebTokens(RULES, published), published.issuer.token()
    checker.identity(token)
    published.keys = None
    with pytest.raises(CredentialsUncheckedError):
        checker.identity(token)


def test_a_refused_token_is_refused_again(published: _Published) -> None:
    checker, tampered = WebTokens(RULES, published), published.issuer.tampered()
    good = published.issuer.token()
    for _ in range(2):
        assert _problem(checker, tampered) is CredentialProblem.SIGNATURE
        assert checker.identity(good).subject == "laboratory"


def test_a_remembered_token_expires_to_the_second(published: _Published) -> None:
    # Of the leeway, the next second or two are left.
    ends = int(time.time()) + 2
    checker, token = WebTokens(RULES, published), published.issuer.token(exp=ends - LEEWAY_SECONDS)
    checker.identity(token)
    while time.time() < ends:
        time.sleep(0.05)
    assert _problem(checker, token) is CredentialProblem.EXPIRED


@pytest.mark.parametrize(
    ("claims", "good", "bad"),
    [
        ({"exp": 2000}, (0.0, 2029.9), (2030.0, 5000.0)),
        ({"exp": 2000.9}, (2029.9,), (2030.0,)),
        ({"exp": 10**400}, (0.0, 1e300), ()),
        (FOREVER | {"nbf": 1000}, (970.0, 5000.0), (969.9,)),
        (FOREVER | {"iat": 1000, "nbf": 500}, (970.0,), (969.9,)),
        (FOREVER | {"iat": 500, "nbf": "1000"}, (970.0,), (969.9,)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_token_is_known_while_it_is_good(
    keys: KeySet,
    verified: VerifiedTokens,
    claims: dict[str, object],
    good: tuple[float, ...],
    bad: tuple[float, ...],
) -> None:
    for now in good:
        verified.add("a.b.c", keys, claims, LABORATORY)
        assert verified.find("a.b.c", keys, now) is LABORATORY
    for now in bad:
        verified.add("a.b.c", keys, claims, LABORATORY)
        assert verified.find("a.b.c", keys, now) is None


def test_keys_that_are_read_again_have_verified_nothing(
    published: _Published, keys: KeySet, verified: VerifiedTokens
) -> None:
    verified.add("a.b.c", keys, FOREVER, LABORATORY)
    published.publish()
    assert published.keys is not None
    assert published.keys == keys
    assert verified.find("a.b.c", published.keys, NOW) is None
    assert not len(verified)
    verified.add("a.b.c", keys, FOREVER, LABORATORY)
    assert verified.find("a.b.c", published.keys, NOW) is None


def test_only_the_tokens_that_were_used_last_are_remembered(keys: KeySet, verified: VerifiedTokens) -> None:
    for number in range(CAPACITY):
        verified.add(str(number), keys, FOREVER, LABORATORY)
    verified.find("0", keys, NOW)
    verified.add("3", keys, FOREVER, LABORATORY)
    assert len(verified) == CAPACITY
    known = [number for number in range(CAPACITY + 1) if verified.find(str(number), keys, NOW)]
    assert known == [0, 2, 3]


def test_a_longer_life_is_no_other_token(published: _Published) -> None:
    checker = WebTokens(RULES, published)
    short, long = (published.issuer.token(exp=timedelta(seconds=seconds)) for seconds in (100, 200))
    assert checker.identity(short) is not checker.identity(long)
