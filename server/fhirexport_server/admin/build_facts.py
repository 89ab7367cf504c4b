"""What this installation is made of, for `--version`: what a report of a fault should say."""

import platform
from importlib.metadata import version
from importlib.resources import files

from fhirexport._version import __version__

from fhirexport_server.fhir.renderer_version import RENDERER_VERSION
from fhirexport_server.pam import fold
from fhirexport_server.store.schema_version import HEAD

_LIBRARIES = ("grpcio", "protobuf", "sqlalchemy", "psycopg", "redis")


def build_facts() -> list[tuple[str, str]]:
    """Return what the installation is made of, by what it is called, in the order of interest."""
    commit = files("fhirexport_server") / "commit.txt"
    return [
        ("fhirexport-server", __version__),
        ("commit", commit.read_text().strip() if commit.is_file() else "none: a checkout"),
        ("contract", "fhirexport.v1"),
        ("schema", HEAD),
        ("renderer", RENDERER_VERSION),
        ("modules", "plain" if str(fold.__file__).endswith(".py") else "compiled"),
        ("python", platform.python_version()),
        *((name, version(name)) for name in _LIBRARIES),
    ]
