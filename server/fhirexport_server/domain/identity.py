"""Who a caller is, once that has been proven."""

from dataclasses import dataclass
from typing import Literal

Proof = Literal["certificate", "jwt", "token"]


@dataclass(frozen=True)
class Identity:
    """A caller that has proven who it is. Two of the same proof, issuer and subject are the same caller."""

    proof: Proof
    """What it has shown: a client certificate, a bearer JWT, or a static token."""
    subject: str
    """Its one name. Of a certificate, its SPIFFE id, else its first DNS name, else its subject (RFC 4514);
    of a JWT, its `sub`; of a static token, its name in the file.
    """
    issuer: str = ""
    """Who says so: the certificate's issuer (RFC 4514), the `iss` of the JWT. Empty for a static token."""
    names: frozenset[str] = frozenset()
    """The subject alternative names of the certificate, and its subject. Compare them whole, never a part."""
    scopes: frozenset[str] | None = None
    """The scopes of the JWT, which limit what the policy grants. None where the proof has none to give."""
    token_id: str = ""
    """The `jti` of the JWT."""

    @property
    def key(self) -> str:
        """The key of limits and of the audit, such as `jwt:https://issuer.example#laboratory`."""
        return f"{self.proof}:{self.issuer}#{self.subject}"
