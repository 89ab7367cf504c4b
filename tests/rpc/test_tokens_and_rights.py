"""Shows every method over TLS for callers with tokens: who is not known, who is and may not, and who may."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from fhirexport_server.app import App, running
from support.callers import Caller
from support.certificates import Site
from support.every_method import RPCS, TIMEOUT
from support.server import settings
from support.status import Refused, refused
from support.tokens import ISSUER, Issuer, new_key

POLICY = f"""
[[callers]]
name = "all"
jwt = {{ issuer = "{ISSUER}", subject = "all" }}
rights = ["export:*:*", "watch:*:*", "import:*", "cache:admin"]

[[callers]]
name = "other"
jwt = {{ issuer = "{ISSUER}", subject = "other" }}
rights = ["export:*:ej:id:2", "watch:*:ej:id:2", "import:ej:id:2"]
"""
EJ = 1
MISSING, INVALID, DENIED = "CREDENTIALS_MISSING", "CREDENTIALS_INVALID", "ACCESS_DENIED"
CODES = {MISSING: "UNAUTHENTICATED", INVALID: "UNAUTHENTICATED", DENIED: "PERMISSION_DENIED"}
LISTS = {"ListLegalEntities"}
"""Of those that need no EJ, what a right to another EJ is enough for: it shows that one alone."""


def _tokens(issuer: Issuer) -> Mapping[str, tuple[str | None, str]]:
    """Return what is shown, and the reason that it is refused for; empty where it is right."""
    late, soon = timedelta(hours=-1), timedelta(hours=1)
    return {
        "no credential": (None, MISSING),
        "malformed": ("x.y", INVALID),
        "expired": (issuer.token(sub="all", exp=late), INVALID),
        "not yet valid": (issuer.token(sub="all", nbf=soon, exp=2 * soon), INVALID),
        "wrong issuer": (issuer.token(sub="all", iss="https://other.test"), INVALID),
        "wrong audience": (issuer.token(sub="all", aud="https://other.test"), INVALID),
        "alg none": (issuer.unsigned(), INVALID),
        "HS256 with the public key": (issuer.confused(), INVALID),
        "unknown kid": (issuer.token(sub="all", key="nobody's"), INVALID),
        "changed": (issuer.tampered(), INVALID),
        "not in the policy": (issuer.token(sub="nobody"), DENIED),
        "another EJ": (issuer.token(sub="other"), DENIED),
        "scopes of nothing": (issuer.token(sub="all", scope="openid"), DENIED),
        "right": (issuer.token(sub="all"), ""),
        "right scopes": (issuer.token(sub="all", scope="system/*.cruds cache:admin"), ""),
    }


@pytest.fixture
def issuer(tmp_path: Path) -> Issuer:
    return Issuer(tmp_path)


async def _ended(caller: Caller, method: str) -> Refused | None:
    try:
        async with asyncio.timeout(TIMEOUT):
            await RPCS[method](caller, EJ)
    except grpc.aio.AioRpcError as error:
        return refused(error)
    return None


async def _caller(stack: AsyncExitStack, app: App, site: Site, token: str | None) -> Caller:
    credentials = site.credentials(named=False)
    if token is not None:
        shown = grpc.access_token_call_credentials(token)
        credentials = grpc.composite_channel_credentials(credentials, shown)
    channel = grpc.aio.secure_channel(app.address, credentials, [("grpc.use_local_subchannel_pool", 1)])
    return Caller(await stack.enter_async_context(channel))


async def test_every_method_answers_each_credential_as_documented(
    small_url: str, tmp_path: Path, issuer: Issuer
) -> None:
    site, policy = Site(tmp_path), tmp_path / "policy.toml"
    policy.write_text(POLICY)
    issuer.keys["second"] = new_key()  # so that a token has to say which
    issuer.publish()
    given = site.settings(mutual=False) | issuer.settings(policy_file=policy)
    wrong: list[tuple[str, str, str]] = []
    async with running(settings(small_url, **given)) as app, AsyncExitStack() as stack:
        for shown, (token, reason) in _tokens(issuer).items():
            caller = await _caller(stack, app, site, token)
            ends = await asyncio.gather(*(_ended(caller, method) for method in RPCS))
            for method, end in zip(RPCS, ends, strict=True):
                expected = "" if shown == "another EJ" and method in LISTS else reason
                found = ("", "") if end is None else (end.code, end.reason)
                if expected and found != (CODES[expected], expected):
                    wrong.append((shown, method, str(found)))
                if not expected and found[0] in CODES.values():
                    wrong.append((shown, method, str(found)))
    assert wrong == []
