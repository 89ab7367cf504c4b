"""Shows that a token that may be used once is remembered, no longer than needed, and in bounded memory."""

import pytest
from fhirexport_server.identities.credential_errors import (
    CredentialProblem,
    CredentialsInvalidError,
    CredentialsUncheckedError,
    MissingClue,
)
from fhirexport_server.identities.used_tokens import UsedTokens


def test_a_token_is_remembered_until_it_has_expired() -> None:
    used = UsedTokens()
    used.use("one", until=100, now=0)
    for now in (0, 50, 100):
        with pytest.raises(CredentialsInvalidError) as refused:
            used.use("one", until=1000, now=now)
        assert refused.value.problem is CredentialProblem.REPLAYED
    used.use("one", until=200, now=101)
    assert len(used) == 1


def test_memory_is_bounded_and_what_is_over_it_is_not_let_in() -> None:
    used = UsedTokens(capacity=3)
    for number in range(3):
        used.use(str(number), until=10 + number, now=0)
    with pytest.raises(CredentialsUncheckedError) as refused:
        used.use("more", until=20, now=5)
    assert refused.value.missing is MissingClue.MEMORY
    with pytest.raises(CredentialsInvalidError):
        used.use("0", until=20, now=5)
    used.use("more", until=20, now=10.5)
    assert len(used) == 3


def test_what_is_not_text_that_can_be_written_is_remembered_as_well() -> None:
    used = UsedTokens()
    used.use("\ud800", until=10, now=0)
    with pytest.raises(CredentialsInvalidError):
        used.use("\ud800", until=10, now=0)
