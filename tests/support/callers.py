"""A server with a policy, and callers with certificates of their own."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminStub
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from fhirexport.v1.import_service_pb2_grpc import ImportServiceStub
from fhirexport_server.app import App, running

from support.certificates import Site
from support.server import settings

if TYPE_CHECKING:  # these exist for type checkers only
    from fhirexport.v1.cache_admin_pb2_grpc import CacheAdminAsyncStub
    from fhirexport.v1.export_service_pb2_grpc import ExportServiceAsyncStub
    from fhirexport.v1.import_service_pb2_grpc import ImportServiceAsyncStub


def policy(rights: Mapping[str, Iterable[str]]) -> str:
    """Returns a policy in which each caller is recognised by the certificate of `<its name>.test`."""
    tables = []
    for name, own in rights.items():
        proof = f'certificate = {{ san = "{name.lower()}.test" }}'
        tables.append(f'[[callers]]\nname = "{name}"\n{proof}\nrights = {list(own)}\n')
    return "\n".join(tables)


class Caller:
    """What somebody with a certificate can call."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.exports: ExportServiceAsyncStub = ExportServiceStub(channel)
        self.imports: ImportServiceAsyncStub = ImportServiceStub(channel)
        self.admin: CacheAdminAsyncStub = CacheAdminStub(channel)


class Guarded:
    """A server with a policy, which can be replaced."""

    def __init__(self, site: Site, rights: Mapping[str, Iterable[str]]) -> None:
        self.site = site
        self.path: Path = site.directory / "policy.toml"
        self.write(rights)

    def write(self, rights: Mapping[str, Iterable[str]]) -> None:
        """Replaces the policy's file at once."""
        new = self.path.with_suffix(".new")
        new.write_text(policy(rights))
        new.replace(self.path)

    @asynccontextmanager
    async def running(self, url: str, **overrides: object) -> AsyncIterator[App]:
        """Runs the server."""
        given = self.site.settings() | {"policy_file": self.path} | overrides
        async with running(settings(url, **given)) as app:
            yield app

    @asynccontextmanager
    async def caller(self, app: App, name: str) -> AsyncIterator[Caller]:
        """Calls with a certificate of a name, on a connection of its own."""
        certificate, key = self.site.authority.client(f"{name.lower()}.test")
        credentials = grpc.ssl_channel_credentials(self.site.authority.pem, key, certificate)
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.secure_channel(app.address, credentials, options) as channel:
            yield Caller(channel)
