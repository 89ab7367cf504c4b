"""Shows that rights hold for every proof: a JWT, with what its scopes leave, and a static token."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from fhirexport.v1.cache_admin_pb2 import GetHealthRequest
from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminStub
from fhirexport.v1.export_service_pb2 import (
    ExportPatientsRequest,
    ExportStructureRequest,
    ExportVenuesRequest,
)
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport_server.app import running
from fhirexport_server.identities.static_tokens import token_hash
from fhirexport_server.runtime.fairness.event_loop import FairEventLoop
from support.certificates import Site
from support.server import settings
from support.status import refused
from support.tokens import ISSUER, Issuer

if TYPE_CHECKING:
    from grpc.aio import Channel

POLICY = f"""
[[callers]]
name = "laboratory"
jwt = {{ issuer = "{ISSUER}", subject = "laboratory" }}
rights = ["export:structure:*", "export:patients:ej:id:1", "cache:read"]

[[callers]]
name = "operator"
token = "operator"
rights = ["cache:admin"]
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def _calls(channel: "Channel") -> dict[str, Callable[..., Awaitable[Any]]]:
    exports, admin = ExportServiceStub(channel), CacheAdminStub(channel)
    return {
        "structure": lambda **more: exports.ExportStructure(ExportStructureRequest(ej_id=1), **more),
        "patients": lambda **more: exports.ExportPatients(ExportPatientsRequest(ej_id=1), **more),
        "patients of another": lambda **more: exports.ExportPatients(ExportPatientsRequest(ej_id=2), **more),
        "venues": lambda **more: exports.ExportVenues(ExportVenuesRequest(ej_id=1), **more),
        "cache": lambda **more: admin.GetHealth(GetHealthRequest(), **more),
    }


async def _permitted(channel: "Channel", token: str | None) -> set[str] | str:
    """Returns what a token may do; the reason, where it is refused for another one than a right."""
    found = set()
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    for name, called in _calls(channel).items():
        try:
            await called(metadata=metadata)
        except grpc.aio.AioRpcError as error:
            reason = refused(error).reason
            if reason != "ACCESS_DENIED":
                return reason
        else:
            found.add(name)
    return found


async def test_a_policy_and_scopes_decide_what_tokens_may_do(small_url: str, site: Site) -> None:
    issuer = Issuer(site.directory)
    static, nobodys = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    tokens, policy = site.directory / "tokens.toml", site.directory / "policy.toml"
    tokens.write_text(
        f'operator = "sha256:{token_hash(static).hex()}"\nnobody = "sha256:{token_hash(nobodys).hex()}"\n'
    )
    policy.write_text(POLICY)
    given = site.settings(mutual=False) | issuer.settings(tokens_file=tokens, policy_file=policy)
    shown: dict[str, tuple[str | None, set[str] | str]] = {
        "every scope that is needed": (
            issuer.token(scope="system/*.rs cache:read openid"),
            {"structure", "patients", "cache"},
        ),
        "no claim of scopes": (issuer.token(), {"structure", "patients", "cache"}),
        "patients": (issuer.token(scope="system/Patient.rs"), {"patients"}),
        "half of the structure": (issuer.token(scope="system/Organization.rs"), set()),
        "the structure": (issuer.token(scope="system/Organization.rs system/Location.rs"), {"structure"}),
        "more than the policy": (issuer.token(scope="system/Encounter.cruds cache:admin"), {"cache"}),
        "of a user": (issuer.token(scope="user/*.cruds patient/*.rs"), set()),
        "no scope": (issuer.token(scope=""), set()),
        "another subject": (issuer.token(sub="laboratory2"), set()),
        "a static token": (static, {"cache"}),
        "a static token without rights": (nobodys, set()),
        "an unknown static token": (secrets.token_urlsafe(32), "CREDENTIALS_INVALID"),
        # Who it is comes first: nobody is told of rights who has not said who they are.
        "nothing": (None, "CREDENTIALS_MISSING"),
        "forged": (issuer.tampered(), "CREDENTIALS_INVALID"),
    }
    credentials = grpc.ssl_channel_credentials(site.authority.pem)
    async with (
        running(settings(small_url, **given)) as app,
        grpc.aio.secure_channel(app.address, credentials) as channel,
    ):
        found = {name: await _permitted(channel, token) for name, (token, _) in shown.items()}
    assert found == {name: expected for name, (_, expected) in shown.items()}


async def test_calls_of_one_identity_share_its_turns_whatever_their_connections(
    small_url: str, site: Site
) -> None:
    loop, issuer, policy = asyncio.get_running_loop(), Issuer(site.directory), site.directory / "policy.toml"
    assert isinstance(loop, FairEventLoop)
    policy.write_text(POLICY)
    given = site.settings(mutual=False) | issuer.settings(policy_file=policy)
    credentials = grpc.ssl_channel_credentials(site.authority.pem)
    metadata = (("authorization", f"Bearer {issuer.token()}"),)
    async with running(settings(small_url, **given)) as app:
        for _ in range(3):
            own = [("grpc.use_local_subchannel_pool", 1)]
            async with grpc.aio.secure_channel(app.address, credentials, own) as channel:
                ask = _calls(channel)["cache"]
                await asyncio.gather(*(ask(metadata=metadata) for _ in range(50)))
    assert loop.callers_known == 3 + 1  # each connection, until it is known who calls, and the identity
