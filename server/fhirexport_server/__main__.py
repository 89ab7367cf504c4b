"""The command `fhirexport-server`; it needs the extra `fhirexport[server]`."""

import os
import sys

from fhirexport._internal import stdio

from fhirexport_server.runtime.without import without


def main() -> None:
    """Run the command line and exit with its status: 1 where the extra is not installed."""
    # gRPC's core prints a line for each bad handshake and each compressed message, so anybody could fill the
    # disk. What matters comes as a status as well. gRPC reads this variable when it is imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        with without("rich"):  # 4 MiB, for tracebacks in colours: no traceback is logged
            import structlog  # noqa: F401, PLC0415 - as below
        from fhirexport_server import commands  # noqa: PLC0415 - `pip install fhirexport` brings none of this
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in {"fhirexport", "fhirexport_server"}:
            raise
        sys.exit(f"fhirexport-server: {error.name} is missing: pip install 'fhirexport[server]'")
    sys.exit(stdio.run("fhirexport-server", commands.main, signals=False))


if __name__ == "__main__":
    main()
