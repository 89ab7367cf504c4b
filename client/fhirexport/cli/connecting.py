"""The options that say how to connect: before and after a command, and as environment variables."""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Concatenate, NamedTuple, NoReturn, ParamSpec

import typer

from fhirexport._internal.calls import Calls, bearer
from fhirexport._internal.channels import Server
from fhirexport._internal.tls import TLS
from fhirexport.cli.diagnosis.reaching import place
from fhirexport.cli.failures import reported
from fhirexport.client import Client

P = ParamSpec("P")
ConnectionOptions = Mapping[str, Any]
"""The options of connecting that were given, by the names of their parameters."""

DEFAULT_ADDRESS = "localhost:50051"
_USAGE = 2
_TOKEN_BYTES = 64 * 1024


class _Option(NamedTuple):
    name: str
    kind: Any
    flags: tuple[str, ...]
    metavar: str | None
    help: str

    @property
    def variable(self) -> str:
        return f"FHIREXPORT_{self.name.upper()}"


OPTIONS = (
    _Option("address", str, ("--address",), "HOST:PORT", f"The server; {DEFAULT_ADDRESS} if left out."),
    _Option(
        "plaintext",
        bool,
        ("--plaintext/--tls",),
        None,
        "Without TLS, or with it; if left out, without it to this machine only.",
    ),
    _Option("ca", Path, ("--ca",), "FILE", "The authorities to trust, in PEM, in place of the system's."),
    _Option(
        "cert", Path, ("--cert",), "FILE", "The certificate to show to a server that asks for one, in PEM."
    ),
    _Option("key", Path, ("--key",), "FILE", "The key of that certificate, in PEM."),
    _Option(
        "server_name", str, ("--server-name",), "NAME", "The name in the server's certificate, if another."
    ),
    _Option(
        "token_file",
        Path,
        ("--token-file",),
        "FILE",
        "A file with the bearer token to send; it is read for each call.",
    ),
    _Option("timeout", float, ("--timeout",), "SECONDS", "How long a call may take, exports included."),
)
_NAMES = frozenset(option.name for option in OPTIONS)
_OF_TLS = ("ca", "cert", "key", "server_name")


class TokenFile:
    """Returns the token that a file holds at the time, or held when it could last be read."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ValueError: it does not hold one token.
            OSError: it cannot be read.
        """
        self._path = path
        self._last = self._read()

    def __call__(self) -> str:
        """Return the token."""
        try:
            self._last = self._read()
        except (OSError, ValueError):
            # It may be written at this moment. Where it is gone, the server says when this one expires.
            return self._last
        return self._last

    def _read(self) -> str:
        with self._path.open("rb") as file:
            content = file.read(_TOKEN_BYTES).strip()
        try:
            token = content.decode("ascii")
            bearer(token)
        except ValueError:
            # It is not quoted: it is a secret.
            raise ValueError(f"{self._path}: must hold one token, and nothing else") from None
        return token


@dataclass(frozen=True)
class Connection:
    """A server, and how to call it: what the options of connecting say."""

    server: Server
    calls: Calls

    @property
    def address(self) -> str:
        """The server's address, as it was given."""
        return self.server.target

    def open_client(self) -> Client:
        """Return a client, which is for the caller to close.

        Raises:
            ValueError: there can be none; says why.
        """
        target = self.server.target
        if place(target) is None and "://" not in target and "," not in target:
            raise ValueError(f"{target}: give host:port, [ipv6]:port or unix:path, such as {DEFAULT_ADDRESS}")
        return Client(target, tls=self.server.tls, token=self.calls.token, timeout=self.calls.timeout)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """Offer a client; end the command in one line where there can be none."""
        try:
            client = self.open_client()
        except ValueError as error:
            refuse(str(error))
        with client:
            yield client


def connecting(command: Callable[Concatenate[Connection, P], None]) -> Callable[..., None]:
    """Give a command the options of connecting; its first argument is the connection."""
    _, *own = inspect.signature(command, eval_str=True).parameters.values()

    @functools.wraps(command)
    def run(context: typer.Context, *arguments: P.args, **options: P.kwargs) -> None:
        given = {name: options.pop(name) for name in _NAMES}
        connection = connection_of(merged_options(context, given))
        with reported(connection.server, connection.calls):
            command(connection, *arguments, **options)

    _offer(run, own, variables=False)
    return run


def connected(command: Callable[Concatenate[Client, P], None]) -> Callable[..., None]:
    """Do the same for a command whose first argument is a client."""

    @functools.wraps(command)
    def run(connection: Connection, /, *arguments: P.args, **options: P.kwargs) -> None:
        with connection.client() as client:
            command(client, *arguments, **options)

    return connecting(run)


def grouping(callback: Callable[..., None], *, variables: bool = False) -> Callable[..., None]:
    """Give a group of commands the options of connecting, for all that are in it.

    Args:
        callback: The group's own callback.
        variables: Whether the environment has a say, which it has once: at the outermost.
    """
    _, *own = inspect.signature(callback, eval_str=True).parameters.values()

    @functools.wraps(callback)
    def run(context: typer.Context, **options: Any) -> None:
        merged_options(context, {name: options.pop(name) for name in _NAMES})
        callback(context, **options)

    _offer(run, own, variables=variables)
    return run


def merged_options(context: typer.Context, options: ConnectionOptions) -> ConnectionOptions:
    """Return the options that hold in a context: its own, and its parents' where it has none."""
    parents: ConnectionOptions = (
        context.parent.obj if context.parent is not None and context.parent.obj else {}
    )
    merged: ConnectionOptions = {
        **parents,
        **{name: value for name, value in options.items() if value is not None},
    }
    context.obj = merged
    return merged


def parsed(options: ConnectionOptions) -> Connection:
    """Return the connection that the options describe.

    Raises:
        ValueError: they contradict each other, or a file does not hold what it should.
        OSError: a file cannot be read.
    """
    server = Server(options.get("address", DEFAULT_ADDRESS), _tls(options))
    file: Path | None = options.get("token_file")
    token = None if file is None else TokenFile(file)
    calls = Calls(timeout=options.get("timeout"), confidential=server.confidential, token=token)
    return Connection(server, calls)


def connection_of(options: ConnectionOptions) -> Connection:
    """Return the connection that the options describe, or end the command in one line."""
    try:
        return parsed(options)
    except ValueError as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.strerror}: {error.filename}")


def refuse(message: str) -> NoReturn:
    """End a command that makes no sense, in one line."""
    typer.echo(f"fhirexport: {message}", err=True)
    raise typer.Exit(_USAGE)


def _tls(options: ConnectionOptions) -> TLS | bool | None:
    plaintext: bool | None = options.get("plaintext")
    named = [name for name in _OF_TLS if options.get(name) is not None]
    if not named:
        return None if plaintext is None else not plaintext
    if plaintext:
        flag = f"--{named[0].replace('_', '-')}"
        raise ValueError(
            f"--plaintext and {flag} contradict each other (FHIREXPORT_{named[0].upper()} counts too)"
        )
    if ("cert" in named) != ("key" in named):
        raise ValueError("--cert and --key go together: a certificate and its key")
    return TLS.from_files(**{name: options[name] for name in named})


def _offer(run: Callable[..., None], own: list[inspect.Parameter], *, variables: bool) -> None:
    """Have typer see a command's own parameters, and those of connecting after them."""
    context = inspect.Parameter("context", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *own, *(_parameter(option, variables=variables) for option in OPTIONS)]
    del run.__wrapped__  # type: ignore[attr-defined]  # functools put it there; its parameters are others
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect looks at
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def _parameter(option: _Option, *, variables: bool) -> inspect.Parameter:
    declared = typer.Option(
        *option.flags,
        metavar=option.metavar,
        envvar=option.variable if variables else None,
        help=option.help,
        rich_help_panel="Connection",
    )
    return inspect.Parameter(
        option.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[option.kind | None, declared],
    )
