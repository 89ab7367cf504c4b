"""The command line of the server: `serve`, `migrate`, `demo`, `certificates`, `tokens`, `keys`, ..."""

import asyncio
import os
import socket
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import structlog
import typer
from fhirexport._internal.stdio import OutputError
from pydantic import ValidationError
from pydantic_settings import SettingsError

from fhirexport_server import audit_commands, policy_commands
from fhirexport_server.access.policy_file import PolicyError
from fhirexport_server.admin.build_facts import build_facts
from fhirexport_server.audit_settings import AuditDirectoryError
from fhirexport_server.certificates import throwaway
from fhirexport_server.certificates.key_pair import CertificateError
from fhirexport_server.demo.people.traits import MOST_PATIENTS
from fhirexport_server.domain.errors import DatabaseUnavailableError, SchemaMismatchError
from fhirexport_server.domain.rows import Batch
from fhirexport_server.identities.static_tokens import TokensFileError, new_static_token
from fhirexport_server.runtime import core_dumps
from fhirexport_server.runtime.garbage import collect_rarely, give_back_early
from fhirexport_server.runtime.listening import ListenError
from fhirexport_server.runtime.reading.kept_file import KeptFileError
from fhirexport_server.runtime.without import without
from fhirexport_server.sealing.keys_file import KeysFileError, add_key
from fhirexport_server.settings import MOST_WORKERS, Settings
from fhirexport_server.store.migrate import migrate as bring_to_date
from fhirexport_server.store.migrations.table_locks import TablesBusyError
from fhirexport_server.telemetry import logs
from fhirexport_server.telemetry.metrics_page import MetricsAddressError
from fhirexport_server.workers.staff import WorkersFailingError
from fhirexport_server.workers.supervisor import supervise
from fhirexport_server.wrong_settings import misspelt, problems

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("fhirexport_server")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # they print local variables, rows among them
    help="Exports a hospital group's data as FHIR over gRPC. Settings come from the environment and `.env`.",
)
certificates = typer.Typer(no_args_is_help=True, help="Make certificates to try TLS with.")
app.add_typer(certificates, name="certificates")
tokens = typer.Typer(no_args_is_help=True, help="Make static tokens for callers.")
app.add_typer(tokens, name="tokens")
keys = typer.Typer(no_args_is_help=True, help="Make keys that seal what is kept in Redis.")
app.add_typer(keys, name="keys")
app.add_typer(policy_commands.app, name="policy")
app.add_typer(audit_commands.app, name="audit")


def _version(value: bool) -> None:  # noqa: FBT001 - the signature that typer calls
    if value:
        for name, fact in build_facts():
            typer.echo(f"{name} {fact}")
        raise typer.Exit


@app.callback()
def _main(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Print the version, and what it is made of."
        ),
    ] = False,
) -> None:
    pass


@app.command()
def serve(
    *,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=MOST_WORKERS, help="How many processes.", show_default="WORKERS, or 1"),
    ] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C; a second one ends it at once. SIGHUP restarts workers, one by one."""
    settings = _settings(workers=workers)
    core_dumps.forbid()
    if settings.workers > 1:
        # The parent never loads gRPC, nor the garbage collector's settings, which are for data.
        try:
            asyncio.run(supervise(settings))
        except WorkersFailingError as error:
            raise SystemExit(error.status) from None
        return
    with without("opentelemetry"):  # 3 MiB, for metrics that redis-py does not collect unless it is told to
        from fhirexport_server import serving  # noqa: PLC0415 - not for the parent of workers

    give_back_early()
    collect_rarely()
    serving.run_fairly(serving.serve(settings))


@app.command(hidden=True)
def worker(
    *,
    number: Annotated[int, typer.Option(help="Which one it is.")],
    of: Annotated[int, typer.Option(help="How many there are.")],
    address: Annotated[str, typer.Option(help="Where they listen.")],
    control: Annotated[int, typer.Option(help="The descriptor of its channel to its parent.")],
) -> None:
    """Serve as one of several processes. Only `serve --workers` runs it."""
    settings = _settings(workers=of, worker=number)
    core_dumps.forbid()
    with without("opentelemetry"):
        from fhirexport_server import serving  # noqa: PLC0415 - as above

    give_back_early()
    collect_rarely()
    os.set_inheritable(control, False)
    serving.run_fairly(serving.serve_as_worker(settings, address, socket.socket(fileno=control)))


@app.command()
def migrate() -> None:
    """Bring the schema of DATABASE_URL to date."""
    bring_to_date(_settings().database_url.get_secret_value())


@app.command()
def demo(
    *,
    patients: Annotated[int, typer.Option(min=1, max=MOST_PATIENTS, help="How many patients.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same group.")] = 1,
) -> None:
    """Fill an empty DATABASE_URL with a made-up hospital group."""
    # A server that serves needs none of this, and would start later for it.
    from fhirexport_server.demo import group  # noqa: PLC0415 - see above
    from fhirexport_server.store import loader  # noqa: PLC0415 - see above

    url = _settings().database_url.get_secret_value()
    bring_to_date(url)
    if not loader.is_empty(url):
        raise _UserError("the database of DATABASE_URL is not empty: choose a new one, or delete this one")
    batches = group.batches(patients=patients, seed=seed)
    loader.load(url, _shown(batches, group.total_rows(patients=patients)))


@certificates.command("demo")
def certificates_demo(
    directory: Annotated[Path, typer.Argument(help="Where to write them; made where it is not there.")],
    *,
    name: Annotated[
        list[str] | None,
        typer.Option(help="A name or address of the server; may be repeated.", show_default="this machine's"),
    ] = None,
    client: Annotated[str, typer.Option(help="The name of the caller.")] = "client.fhirexport.test",
    days: Annotated[int, typer.Option(min=1, max=365, help="How long they are valid.")] = 30,
) -> None:
    """Make a throw-away authority, and certificates of a server and a caller, to try TLS with."""
    try:
        throwaway.write(directory, name or ["localhost", "127.0.0.1", "::1"], client, days)
    except FileExistsError as error:
        raise _UserError(f"{directory} has a {error} already: choose a new directory") from error
    except OSError as error:
        raise _UserError(f"{directory} cannot be written to: {error.strerror}") from error
    except ValueError as error:
        raise _UserError("a name must be a name of DNS, in ASCII, or an address") from error
    typer.echo(
        f"TLS_CERTIFICATE={directory / 'server.pem'}\n"
        f"TLS_KEY={directory / 'server-key.pem'}\n"
        f"TLS_CLIENT_CA={directory / 'ca.pem'}\n"
        f"FHIREXPORT_CA={directory / 'ca.pem'}\n"
        f"FHIREXPORT_CERT={directory / 'client.pem'}\n"
        f"FHIREXPORT_KEY={directory / 'client-key.pem'}"
    )


@tokens.command("add")
def tokens_add(
    name: Annotated[str, typer.Argument(help="Who is to have it, such as laboratory.")],
    *,
    file: Annotated[Path, typer.Option(help="The file of TOKENS_FILE; made where it is not there.")],
) -> None:
    """Make a token, add its hash to a file, and print the token: once, for it is kept nowhere."""
    try:
        token = new_static_token(file, name)
    except TokensFileError as error:
        raise _UserError(f"{file}: {error}") from error
    except OSError as error:
        raise _UserError(f"{file} cannot be written: {error.strerror}") from error
    typer.echo(token)


@keys.command("add")
def keys_add(
    name: Annotated[str, typer.Argument(help="The key's name, such as 2026-11.")],
    *,
    file: Annotated[Path, typer.Option(help="The file of CACHE_KEYS_FILE; made where it is not there.")],
    last: Annotated[
        bool, typer.Option("--last", help="Let it only unseal for now; else it seals from now on.")
    ] = False,
) -> None:
    """Make a key and add it to a file, before the others."""
    try:
        add_key(file, name, last=last)
    except KeysFileError as error:
        raise _UserError(f"{file}: {error}") from error
    except OSError as error:
        raise _UserError(f"{file} cannot be written: {error.strerror}") from error


def main() -> None:
    """Run the command line.

    Exit with 0, with 1 after an error, or with 2 for a wrong argument or setting.
    """
    try:
        app()
    except _UserError as error:
        _fail(str(error), 1)
    except (ListenError, MetricsAddressError) as error:
        name = "LISTEN_ADDRESS" if isinstance(error, ListenError) else "METRICS_ADDRESS"
        _fail(f"cannot listen on {name}: it is taken, not of this machine, or not permitted", 1)
    except (CertificateError, KeptFileError) as error:
        _fail(str(error), 2)
    except (AuditDirectoryError, TablesBusyError) as error:
        _fail(str(error), 1)
    except PolicyError as error:
        _fail(f"POLICY_FILE: {error}", 2)
    except DatabaseUnavailableError:
        _fail(
            "the database of DATABASE_URL cannot be reached: does it run, does the file's directory exist?", 1
        )
    except SchemaMismatchError as error:
        _fail(f"the schema of DATABASE_URL is {error.found}, and this release has {error.expected}", 1)
    except OutputError:
        raise  # the caller, who handles the standard streams, reports it
    except Exception as error:  # noqa: BLE001 - a traceback would print the error's text, which may quote a row
        _log.critical("internal_error", where=logs.where(error))
        raise SystemExit(1) from None


class _UserError(Exception):
    """An error that the user can correct; its message says how."""


def _settings(*, workers: int | None = None, worker: int | None = None) -> Settings:
    """Return the settings, after configuring the log; end the program where they are wrong.

    Args:
        workers: The setting of the same name, in place of the environment's.
        worker: Which of several workers this is.
    """
    wrong = []
    settings = None
    try:
        wrong += misspelt()
        settings = Settings() if workers is None else Settings(workers=workers)
    except ValidationError as error:
        wrong += problems(error)
    except SettingsError as error:
        wrong.append(str(error))
    except PermissionError:
        wrong.append("CREDENTIALS_DIRECTORY: has a file named like a setting that cannot be read")
    if settings is None or wrong:
        _fail("\n".join(wrong), 2)
    try:
        logs.configure(settings.log_level, settings.log_file, worker=worker)
    except OSError:
        _fail("LOG_FILE: must be a file that can be written", 2)
    return settings


def _fail(message: str, status: int) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    raise SystemExit(status)


def _shown(batches: Iterable[Batch], total: int) -> Iterator[Batch]:
    """Yield the batches, with a progress bar on a terminal."""
    # Not for those who serve, either.
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.progress import (  # noqa: PLC0415 - see above
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        rows = progress.add_task("rows", total=total)
        for batch in batches:
            yield batch
            progress.advance(rows, len(batch.rows))
