"""What is wrong with the settings: names that are misspelt, and values that are refused."""

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic import ValidationError
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from fhirexport_server.access_settings import credentials_directory
from fhirexport_server.settings import Settings

_NEAR = 0.85
"""The similarity from which on one name is taken for a misspelling of another; 1 means equal."""


def misspelt() -> list[str]:
    """Return a line for each variable of the environment or `.env` whose name is near to that of a setting.

    It is left out where that setting is set as well: then it may well be another program's. A credential's
    file counts like a variable.

    Raises:
      SettingsError: As `credentials_directory`.
    """
    names = {name.upper() for name in Settings.model_fields}
    environment = EnvSettingsSource(Settings, env_ignore_empty=False).env_vars
    given = {name.upper() for name in (*environment, *_env_file(), *_credentials())}
    lines = []
    for name in sorted(given - names):
        near = get_close_matches(name, names, n=1, cutoff=_NEAR)
        if not near and name.startswith("CACHE_TTL_"):
            near = ["CACHE_TTL"]
        if near and near[0] not in given and not name.startswith("OTEL_"):
            lines.append(
                f"{name}: there is no such setting; {near[0]} is one. If {name} is another program's, set "
                f"{near[0]} as well, to nothing for its default"
            )
    return lines


def _env_file() -> Iterable[str]:
    return DotEnvSettingsSource(Settings, env_ignore_empty=False).env_vars


def _credentials() -> Iterable[str]:
    directory = credentials_directory()
    # Certificates lie there as well, and have names that no variable has, such as server-key.pem.
    names = () if directory is None else (path.name for path in directory.iterdir())
    return (name for name in names if name.isidentifier())


def problems(error: ValidationError) -> list[str]:
    """Return a line for each refused setting: its variable and what it must be, never its value."""
    lines = []
    for details in error.errors(include_input=False, include_url=False, include_context=False):
        name = ".".join(str(part) for part in details["loc"]).upper()
        lines.append(f"{name}: {details['msg'].removeprefix('Value error, ')}")
    return lines
