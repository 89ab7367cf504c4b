"""The commands `fhirexport-server policy check | explain`. They read one file, and no database."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from fhirexport_server.access import explanation
from fhirexport_server.access.policy import Policy
from fhirexport_server.access.policy_file import LARGEST_BYTES, PolicyError, content, read
from fhirexport_server.domain.identity import Identity
from fhirexport_server.identities.certificate_names import of_certificate
from fhirexport_server.identities.credential_errors import CredentialsInvalidError

app = typer.Typer(no_args_is_help=True, help="Check a policy, and say who may do what by it.")
_File = Annotated[Path, typer.Argument(help="The policy, as POLICY_FILE names it.", show_default=False)]


@app.command()
def check(file: _File) -> None:
    """Say whether a policy can be used; end with 2 where it cannot, with the place and what to do."""
    policy = _policy(file)
    rights = sum(len(caller.granted) for caller in policy.callers)
    typer.echo(f"{file}: {len(policy.callers)} callers with {rights} rights; nothing is wrong")


@app.command()
def explain(
    file: _File,
    caller: Annotated[
        str | None, typer.Argument(help="A caller's name in the policy.", show_default="all of them")
    ] = None,
    *,
    certificate: Annotated[
        Path | None, typer.Option(help="The certificate that somebody shows, in PEM.")
    ] = None,
    jwt: Annotated[
        tuple[str, str] | None, typer.Option(help="The iss and the sub of a JWT.", metavar="ISSUER SUBJECT")
    ] = None,
    scope: Annotated[list[str] | None, typer.Option(help="A scope of that JWT; may be repeated.")] = None,
    token: Annotated[str | None, typer.Option(help="The name of a static token, not the token.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say who may do what, and why: a caller, all of them, or whoever shows a proof."""
    policy = _policy(file)
    if sum(given is not None for given in (caller, certificate, jwt, token)) > 1:
        raise _wrong("name one of a caller, --certificate, --jwt and --token")
    if scope is not None and jwt is None:
        raise _wrong("--scope is of a JWT: give --jwt as well")
    identity = _identity(certificate, jwt, scope, token)
    if identity is None:
        callers = [one for one in policy.callers if caller in {None, one.name}]
        if caller is not None and not callers:
            raise _wrong(f"there is no caller {caller} in {file}")
        document: dict[str, Any] = {"callers": [explanation.described(one) for one in callers]}
    else:
        why, found = explanation.of_identity(policy, identity)
        explained = [explanation.described(one, identity.scopes) for one in found] if why is None else []
        document = {"identity": _shown(identity), "refused": why, "callers": explained}
    typer.echo(json.dumps(document, indent=2) if as_json else "\n".join(_lines(document)))


def _lines(document: dict[str, Any]) -> list[str]:
    lines = []
    if "identity" in document:
        names = ", ".join(document["identity"]["names"]) or document["identity"]["subject"]
        issuer = document["identity"]["issuer"]
        lines.append(f"{names}{f', issued by {issuer}' if issuer else ''}, is")
        if document["refused"] is not None:
            lines.append(f"  {document['refused']}")
    for explained in document["callers"]:
        lines += explanation.lines(explained)
    return lines or ["nobody may do anything"]


def _identity(
    certificate: Path | None, jwt: tuple[str, str] | None, scope: list[str] | None, token: str | None
) -> Identity | None:
    if certificate is not None:
        try:
            with certificate.open("rb") as file:
                return of_certificate(file.read(LARGEST_BYTES))
        except (OSError, CredentialsInvalidError):
            raise _wrong(f"{certificate} is not the file of a certificate in PEM") from None
    if jwt is not None:
        return Identity("jwt", jwt[1], jwt[0], scopes=None if scope is None else frozenset(scope))
    return None if token is None else Identity("token", token)


def _shown(identity: Identity) -> dict[str, Any]:
    return {
        "proof": identity.proof,
        "subject": identity.subject,
        "issuer": identity.issuer,
        "names": sorted(identity.names),
        "scopes": None if identity.scopes is None else sorted(identity.scopes),
    }


def _policy(file: Path) -> Policy:
    try:
        return read(content(file), file)
    except PolicyError as error:
        raise _wrong(str(error)) from None


def _wrong(text: str) -> typer.Exit:
    """Print what is wrong; return what ends the program with 2."""
    typer.echo(text, err=True)
    return typer.Exit(2)
