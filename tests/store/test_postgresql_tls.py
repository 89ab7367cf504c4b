"""Shows that a PostgreSQL on another machine has to prove who it is, unless the URL says otherwise."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fhirexport_server.certificates.throwaway import Authority
from fhirexport_server.domain.errors import DatabaseUnavailableError
from fhirexport_server.store.async_database import open_async_database
from fhirexport_server.store.connection import engine
from fhirexport_server.store.database import Database
from sqlalchemy import event
from support.certificates import Site
from support.tls import behind_tls

# The name that is verified, and the address that is connected to.
ELSEWHERE = "db.hospital.test"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    found = Site(tmp_path)
    found.install(*found.authority.server([ELSEWHERE]))
    return found


def _socket(url: str) -> str:
    (directory,) = parse_qs(urlsplit(url).query)["host"]
    return str(next(Path(directory).glob(".s.PGSQL.[0-9]*[0-9]")))


async def _reached(url: str) -> bool:
    with Database.open(url) as blocking:
        async with open_async_database(blocking, 1) as database:
            try:
                await database.check()
            except DatabaseUnavailableError:
                return False
    return True


async def test_who_does_not_prove_its_name_by_an_authority_that_is_trusted_is_not_read_from(
    new_small: Callable[[str], str], site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = new_small("postgresql")
    database = urlsplit(url).path
    other = tmp_path / "other.pem"
    other.write_bytes(Authority().pem)
    # This PostgreSQL was built without TLS; what ends it here is in front, so it begins at once.
    context = site.server_context(mutual=False, protocol="postgresql")
    async with behind_tls(_socket(url), context=context) as address:
        port = address.rpartition(":")[2]

        def at(host: str, options: str = "") -> str:
            return (
                f"postgresql://postgres@{host}:{port}{database}?hostaddr=127.0.0.1"
                f"&sslnegotiation=direct{options}"
            )

        assert await _reached(at(ELSEWHERE, f"&sslrootcert={site.ca}"))
        assert not await _reached(at("another.hospital.test", f"&sslrootcert={site.ca}"))
        assert not await _reached(at(ELSEWHERE, f"&sslrootcert={other}"))
        assert not await _reached(at(ELSEWHERE))
        monkeypatch.setenv("SSL_CERT_FILE", str(site.ca))
        assert await _reached(at(ELSEWHERE))
        # Whoever asks for less by name gets less.
        assert await _reached(
            at("another.hospital.test", f"&sslmode=require&sslrootcert={tmp_path / 'none'}")
        )


@pytest.mark.parametrize(
    ("url", "verified"),
    [
        ("postgresql://db/fhir", True),
        ("postgresql://192.0.2.1:5432/fhir", True),
        ("postgresql://localhost/fhir?host=db.hospital.test:5433", True),
        ("postgresql:///fhir?host=localhost,db", True),
        ("postgresql://localhost/fhir?hostaddr=192.0.2.1", True),
        ("postgresql://db/fhir?sslmode=prefer", False),
        ("postgresql://localhost/fhir", False),
        ("postgresql://127.0.0.1/fhir", False),
        ("postgresql://[::1]:5432/fhir", False),
        ("postgresql:///fhir", False),
        ("postgresql:///fhir?host=/run/postgresql", False),
        ("postgresql:///fhir?host=localhost:5433", False),
    ],
)
def test_it_is_the_place_that_decides_unless_the_url_does(url: str, *, verified: bool) -> None:
    made = engine.create(url)
    given: dict[str, object] = {}

    @event.listens_for(made, "do_connect")
    def connect(_dialect: object, _record: object, _arguments: object, named: dict[str, object]) -> None:
        given.update(named)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        made.connect()
    assert given.get("sslmode") == (
        "verify-full" if verified else parse_qs(urlsplit(url).query).get("sslmode", [None])[0]
    )
