"""Shows which static tokens are whose, and which files of them are refused."""

import hashlib
from pathlib import Path

import pytest
from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.credential_errors import CredentialProblem, CredentialsInvalidError
from fhirexport_server.identities.static_tokens import (
    StaticTokens,
    TokensFileError,
    new_static_token,
    read_static_tokens,
)

FIRST, SECOND, OTHER = (f"{letter}-of-a-token-that-protects-nothing" for letter in "aBc")


def _hash(token: str) -> str:
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def _tokens() -> StaticTokens:
    return read_static_tokens(
        f'# a site\nlab = "{_hash(FIRST)}"\n"nightly.job" = "{_hash(SECOND)}"\n'.encode()
    )


def test_a_token_is_whose_hash_it_has() -> None:
    tokens = _tokens()
    assert tokens.identity(FIRST) == Identity("token", "lab")
    assert tokens.identity(SECOND).key == "token:#nightly.job"


@pytest.mark.parametrize("token", [OTHER, FIRST.swapcase(), FIRST + "x", _hash(FIRST)])
def test_another_token_is_nobodys(token: str) -> None:
    with pytest.raises(CredentialsInvalidError) as refused:
        _tokens().identity(token)
    assert refused.value.problem is CredentialProblem.UNKNOWN_TOKEN
    assert _tokens().find(token) is None


@pytest.mark.parametrize("token", ["", "secret", "x" * 31, "é" * 40])
def test_a_token_that_can_be_guessed_is_never_accepted(token: str) -> None:
    tokens = StaticTokens({"lab": hashlib.sha256(token.encode()).digest()})
    assert tokens.find(token) is None
    with pytest.raises(CredentialsInvalidError) as refused:
        tokens.identity(token)
    assert refused.value.problem is CredentialProblem.MALFORMED


def test_a_file_without_tokens_lets_nobody_in() -> None:
    assert read_static_tokens(b"# nobody yet\n").find(FIRST) is None


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"lab", "no TOML"),
        (b"\xff", "no TOML"),
        (b"a = " + b"[" * 5000, "no TOML"),
        (f'lab = "{FIRST}"'.encode(), "lab must be"),
        (f'lab = "{_hash(FIRST)}0"'.encode(), "lab must be"),
        (f'lab = "{_hash(FIRST).upper()}"'.encode(), "lab must be"),
        (b"lab = 7", "lab must be"),
        (f'nightly.job = "{_hash(FIRST)}"'.encode(), "nightly must be"),
        (f'"" = "{_hash(FIRST)}"'.encode(), "has a name"),
        (f'"a#b" = "{_hash(FIRST)}"'.encode(), "has a name"),
        (f'a = "{_hash(FIRST)}"\nb = "{_hash(FIRST)}"'.encode(), "one token two names"),
        ("\n".join(f'n{n} = "{_hash(str(n))}"' for n in range(1001)).encode(), "more than 1000"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_a_file_that_is_wrong_is_refused_whole_and_not_quoted(content: bytes, told: str) -> None:
    with pytest.raises(TokensFileError, match=told) as refused:
        read_static_tokens(content)
    assert FIRST not in str(refused.value)


def test_a_new_token_is_added_to_the_others(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    made = {name: new_static_token(path, name) for name in ("lab", "nightly.job")}
    assert path.stat().st_mode & 0o777 == 0o600
    tokens = read_static_tokens(path.read_bytes())
    assert {token: tokens.identity(token).subject for token in made.values()} == {
        token: name for name, token in made.items()
    }
    assert [token for token in made.values() if token in path.read_text()] == []
    before = path.read_bytes()
    for name in ("lab", 'x" = "y', ""):
        with pytest.raises(TokensFileError):
            new_static_token(path, name)
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])


def test_what_a_file_says_besides_stays(tmp_path: Path) -> None:
    path = tmp_path / "tokens.toml"
    path.write_text("# a site")
    path.chmod(0o640)
    new_static_token(path, "lab")
    assert path.read_text().startswith('# a site\n"lab" = "sha256:')
    assert path.stat().st_mode & 0o777 == 0o640
