"""What keeps a verified JWT from being believed for longer than it is good."""

from verification.mutants.mutant import Mutant

IDENTITIES = "fhirexport_server/identities/"
VERIFIED = "tests/identities/test_verified_tokens.py"

OF_TOKENS = (
    Mutant(
        "a token that was verified counts under other keys",
        f"{IDENTITIES}verified_tokens.py",
        "            self._tokens.clear()\n            return None\n",
        "",
        VERIFIED,
    ),
    Mutant(
        "a token that was verified is good for ever",
        f"{IDENTITIES}verified_tokens.py",
        "if verified is None or not verified.begins <= now < verified.ends:",
        "if verified is None:",
        VERIFIED,
    ),
    Mutant(
        "a token of single use is remembered as verified",
        f"{IDENTITIES}web_tokens.py",
        "None if rules.single_use else VerifiedTokens(LEEWAY_SECONDS)",
        "VerifiedTokens(LEEWAY_SECONDS)",
        VERIFIED,
    ),
)
