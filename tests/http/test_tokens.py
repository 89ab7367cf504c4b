"""Shows that Envoy passes on who calls, and is no way around being asked."""

from pathlib import Path

from fhirexport_server.app import running
from support.envoy import running_envoy
from support.server import settings, wait_for_health
from support.tokens import ISSUER, Issuer

POLICY = f"""
[[callers]]
name = "laboratory"
jwt = {{ issuer = "{ISSUER}", subject = "laboratory" }}
rights = ["export:structure:ej:id:1"]
"""


async def test_a_token_goes_through_and_nobody_gets_in_without_one(small_url: str, tmp_path: Path) -> None:
    issuer, policy = Issuer(tmp_path), tmp_path / "policy.toml"
    policy.write_text(POLICY)
    async with running(settings(small_url, **issuer.settings(policy_file=policy))) as app:
        await wait_for_health(app.address)
        async with running_envoy(tmp_path, app.address) as envoy:
            named = f"Bearer {issuer.token()}"
            allowed = await envoy.ask("/api/fhir/export/structure/1", authorization=named)
            others = [
                await envoy.ask(path, authorization=named)
                for path in (
                    "/api/fhir/export/patients/1",
                    "/api/fhir/export/structure/2",
                    "/api/fhir/export/structure/999999",
                    "/api/cache/stats",
                )
            ]
            unnamed = [
                await envoy.ask(path, **headers)
                for path in ("/api/fhir/export/structure/1", "/api/cache/stats")
                for headers in ({}, {"authorization": "Bearer x.y.z"}, {"x_authorization": named})
            ]
    assert allowed.status == 200
    assert "resourceType" in allowed.text
    assert [answer.status for answer in others] == [403] * len(others)
    assert [answer.status for answer in unnamed] == [401] * len(unnamed)
    assert all("resourceType" not in answer.text for answer in (*others, *unnamed))
