"""Shows what the command says to somebody with a certificate and rights to one EJ."""

import json
from pathlib import Path

from fhirexport import CacheStats
from fhirexport.v1.cache_admin_pb2 import GetStatsResponse
from support.callers import Guarded
from support.certificates import Site
from support.command import FHIREXPORT, environment, run
from support.valkey import Valkey


async def test_the_command_shows_what_one_has_a_right_to(
    sixty_url: str, valkey: Valkey, tmp_path: Path
) -> None:
    site = Site(tmp_path)
    guarded = Guarded(site, {"client": ["export:patients:ej:id:1", "cache:read:ej:id:1"]})
    certificate, key = site.client_files()
    async with guarded.running(sixty_url, redis_url=valkey.url) as app:
        variables = environment(app.address) | {
            "FHIREXPORT_CA": str(site.ca),
            "FHIREXPORT_CERT": str(certificate),
            "FHIREXPORT_KEY": str(key),
        }

        async def said(*arguments: str) -> tuple[int, str, str]:
            status, out, errors = await run((FHIREXPORT, "--tls", *arguments), tmp_path, variables)
            return status, out.decode(), errors

        status, out, _ = await said("entities", "--json")
        assert (status, [one["ej_id"] for one in json.loads(out)]) == (0, [1])
        assert (await said("patients", "1", "-o", "patients.json"))[0] == 0
        status, out, errors = await said("patients", "2", "-o", "others.json")
        assert (status, out, "you have no right to this, or it does not exist" in errors) == (71, "", True)
        assert not (tmp_path / "others.json").exists()
        status, out, _ = await said("cache", "stats")
        assert (status, "what is of the legal entities that you have a right to" in out) == (0, True)
        assert "hit rate" not in out
        assert (await said("cache", "flush", "--yes"))[0] == 71


def test_figures_that_are_not_shown_are_none_and_not_zero() -> None:
    message = GetStatsResponse(enabled=True, datasets=[GetStatsResponse.DatasetStats(entry_count=2)])
    stats = CacheStats.from_message(message)
    assert (stats.keyspace_hits, stats.keyspace_misses, stats.hit_rate) == (None, None, None)
    (dataset,) = stats.datasets
    assert (dataset.hits, dataset.misses, dataset.stale_avoided, dataset.entry_count) == (None, None, None, 2)
