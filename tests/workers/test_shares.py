"""Shows what each worker gets, and which settings there cannot be several with."""

import pytest
from fhirexport_server.settings import MOST_WORKERS
from fhirexport_server.workers.shares import share
from pydantic import ValidationError
from support.server import settings

SQLITE = "sqlite:///x.db"
DIVIDED = (
    "max_renderings",
    "spool_limit",
    "max_calls",
    "max_calls_per_peer",
    "max_watches",
    "max_watches_per_peer",
    "cache_memory",
)


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_together_workers_get_no_more_than_one_process_would(workers: int) -> None:
    whole = settings(SQLITE, workers=workers, bytes_in_flight=1024**3)
    part = share(whole, "127.0.0.1:1")
    for name in (*DIVIDED, "bytes_in_flight"):
        assert getattr(whole, name) - workers < getattr(part, name) * workers <= getattr(whole, name)
    changed = {name for name in type(whole).model_fields if getattr(whole, name) != getattr(part, name)}
    assert changed == {*DIVIDED, "bytes_in_flight", "listen_address"}


def test_each_worker_gets_what_it_cannot_work_without() -> None:
    part = share(settings(SQLITE, workers=MOST_WORKERS), "127.0.0.1:1")
    assert (part.max_renderings, part.bytes_in_flight) == (1, 64 * 1024**2)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ({"listen_address": "unix:/x.sock"}, "Unix socket"),
        (
            {"jwt_issuer": "i", "jwt_audience": "a", "jwt_jwks": "keys.json", "jwt_single_use": True},
            "JWT_SINGLE_USE",
        ),
        ({"workers": 0}, "greater than or equal to 1"),
        ({"workers": MOST_WORKERS + 1}, "less than or equal to 64"),
    ],
)
def test_what_several_processes_cannot_have_is_refused(given: dict[str, object], hint: str) -> None:
    with pytest.raises(ValidationError, match=hint):
        settings(SQLITE, **{"workers": 2} | given)
    if "workers" not in given:
        settings(SQLITE, workers=1, **given)
