"""Shows what a policy's file may say, and that whatever is wrong refuses all of it, with its place."""

from pathlib import Path

import pytest
from fhirexport_server.access.policy import CertificateName, JwtName, Policy, TokenName
from fhirexport_server.access.policy_file import LARGEST_BYTES, PolicyError, content, read

PATH = Path("policy.toml")
GOOD = """
[roles]
clinic = ["export:patients:ej:010780054", "export:venues:ej:010780054"]

[[callers]]
name = "laboratory"
certificate = { san = "laboratory.example.org" }
roles = ["clinic"]
rights = ["export:structure:*"]

[[callers]]
name = "gateway"
certificate = { subject = "CN=gateway,O=Clinic", issuer = "CN=Clinic CA" }
jwt = { issuer = "https://issuer.example.org", subject = "gateway" }
token = "gateway-2026"
rights = ["import:ej:010780054"]

[[callers]]
name = "nobody-yet"
certificate = { san = "spiffe://example.org/Future", issuer = "CN=Clinic CA" }
"""


def policy(text: str) -> Policy:
    return read(text.encode(), PATH)


def test_a_policy_names_callers_what_proves_them_and_what_they_may() -> None:
    laboratory, gateway, nobody = policy(GOOD).callers
    assert laboratory.recognised_by == (CertificateName("laboratory.example.org"),)
    assert [(granted.right.text, granted.role) for granted in laboratory.granted] == [
        ("export:structure:*", None),
        ("export:patients:ej:010780054", "clinic"),
        ("export:venues:ej:010780054", "clinic"),
    ]
    assert set(gateway.recognised_by) == {
        CertificateName("CN=gateway,O=Clinic", "CN=Clinic CA"),
        JwtName("https://issuer.example.org", "gateway"),
        TokenName("gateway-2026"),
    }
    assert (nobody.name, nobody.granted) == ("nobody-yet", ())


def test_an_empty_policy_names_nobody() -> None:
    assert policy("").callers == ()


CALLER = '[[callers]]\nname = "a"\ncertificate = { san = "a.test" }\n'
WRONG = {
    "name = [": "is no TOML: ",
    "n = " + "[" * 100_000: "is no TOML",
    "n = " + "1" * 5000: "is no TOML",
    'callers = "a"': "callers: must be tables, each begun by [[callers]]",
    "[callers]": "callers: must be tables, each begun by [[callers]]",
    "callers = [1]": "callers: must be tables, each begun by [[callers]]",
    "[[caller]]": "there is no 'caller': did you mean callers?",
    "[[callers]]": "callers, table 1, name: must be at most 64 letters",
    '[[callers]]\nname = "a b"': "callers, table 1, name: must be at most 64 letters",
    '[[callers]]\nname = "a"': "callers, table 1 (a): must say what it is recognised by",
    CALLER + "right = []": "callers, table 1 (a): there is no 'right': did you mean rights?",
    CALLER + "admin = true": "callers, table 1 (a): there is no 'admin'",
    CALLER + 'rights = "cache:read"': "callers, table 1 (a), rights: must be a list of texts",
    CALLER + "rights = [1]": "callers, table 1 (a), rights: must be a list of texts",
    CALLER + 'rights = ["cache:read", "all"]': "(a), rights, value 2: 'all' must begin with export:",
    CALLER + 'rights = ["cache:read", "cache:read"]': "(a), rights, value 2: 'cache:read' is there twice",
    CALLER + 'roles = ["reader"]\n[roles]\nreaders = []': "there is no role 'reader': did you mean readers?",
    CALLER + 'roles = ["reader"]': "callers, table 1 (a), roles: there is no role 'reader'",
    '[roles]\nreader = ["export:*"]': "roles, reader, value 1: 'export:*' must name a legal entity",
    "[roles]\nreader = 1": "roles, reader: must be a list of texts",
    '[roles]\n"a b" = []': "roles, 'a b': the name must be at most 64",
    "roles = []": "roles: must be a table",
    '[[callers]]\nname = "a"\ncertificate = "a.test"': "(a), certificate: must be a table",
    '[[callers]]\nname = "a"\ncertificate = {}': "(a), certificate: must have a san",
    '[[callers]]\nname = "a"\ncertificate = { subject = "CN=a" }': "must have an issuer as well",
    '[[callers]]\nname = "a"\ncertificate = { san = "a.test", subject = "CN=a" }': "must have a san",
    '[[callers]]\nname = "a"\ncertificate = { cn = "a" }': "(a), certificate: there is no 'cn'",
    '[[callers]]\nname = "a"\ncertificate = { san = "*.test" }': "san: must not have a *",
    '[[callers]]\nname = "a"\ncertificate = { san = "A.test" }': "san: must be in lower case",
    '[[callers]]\nname = "a"\ncertificate = { san = "" }': "san: must be a text",
    '[[callers]]\nname = "a"\ncertificate = { san = " a.test" }': "san: must not begin or end with a space",
    '[[callers]]\nname = "a"\ncertificate = { san = "a\\u0000" }': "san: must be a text",
    '[[callers]]\nname = "a"\njwt = { issuer = "i" }': "(a), jwt: must have an issuer and a subject",
    '[[callers]]\nname = "a"\njwt = { issuer = "i", subject = 1 }': "(a), jwt, subject: must be a text",
    '[[callers]]\nname = "a"\ntoken = true': "(a), token: must be a text",
    CALLER + '[[callers]]\nname = "a"\ntoken = "t"': "two have the name a",
    CALLER
    + '[[callers]]\nname = "b"\ncertificate = { san = "a.test" }': "a and b are recognised by the same",
    CALLER + '[[callers]]\nname = "b"\ncertificate = { san = "a.test", issuer = "CN=i" }': "a and b are",
    '[[callers]]\nname = "b"\ncertificate = { san = "a.test", issuer = "CN=i" }\n' + CALLER: "b and a are",
    '[[callers]]\nname = "a"\ntoken = "t"\n[[callers]]\nname = "b"\ntoken = "t"': "a and b are recognised",
    '[[callers]]\nname = "a"\njwt = { issuer = "i", subject = "s" }\n'
    '[[callers]]\nname = "b"\njwt = { subject = "s", issuer = "i" }': "a and b are recognised",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_wrong_is_told_with_its_place(text: str) -> None:
    with pytest.raises(PolicyError) as refused:
        policy(text)
    assert str(refused.value).startswith("policy.toml: ")
    assert WRONG[text] in str(refused.value)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 400


def test_a_line_of_toml_is_named() -> None:
    with pytest.raises(PolicyError, match="line 3"):
        policy("[roles]\na = []\n=")
    with pytest.raises(PolicyError, match="line 2: must be UTF-8"):
        read(b"# a\n# \xff", PATH)


def test_one_name_of_two_issuers_may_be_two_callers() -> None:
    two = [
        f'[[callers]]\nname = "{name}"\ncertificate = {{ san = "a.test", issuer = "CN={name}" }}\n'
        for name in "ab"
    ]
    assert len(policy("".join(two)).callers) == 2


def test_the_rights_of_roles_count_for_every_caller() -> None:
    rights = ", ".join(f'"import:ej:id:{number}"' for number in range(1, 2001))
    callers = (f'[[callers]]\nname = "c{n}"\ntoken = "t{n}"\nroles = ["r"]\n' for n in range(101))
    with pytest.raises(PolicyError, match="at most 200000 rights together"):
        policy(f"[roles]\nr = [{rights}]\n" + "".join(callers))
    with pytest.raises(PolicyError, match="callers: must be at most 10000"):
        policy("[[callers]]\n" * 10_001)


def test_a_file_is_read_only_up_to_its_largest_size(tmp_path: Path) -> None:
    path = tmp_path / "policy.toml"
    path.write_bytes(b"#" * LARGEST_BYTES)
    assert read(content(path), path).callers == ()
    path.write_bytes(b"#" * (LARGEST_BYTES + 1))
    with pytest.raises(PolicyError, match="must be at most 1048576 bytes long"):
        content(path)
    with pytest.raises(PolicyError, match="cannot be read"):
        content(tmp_path)
