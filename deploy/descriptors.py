"""Writes the descriptor set of the API, which `envoy.yaml` names.

Usage: `python deploy/descriptors.py OUT` writes it, with every import, and with the error details that Envoy
needs to write an error as JSON. It holds no comments, so only a change of the API itself changes it.
"""
# ruff: noqa: INP001 - a program, not a package

import sys
from importlib.resources import files
from pathlib import Path

import google.rpc
from grpc_tools import protoc

PROTOS = Path(__file__).parents[1] / "protos"
# No message of ours has these as a field: they travel in the details of a status.
DETAILS = "google/rpc/error_details.proto"


def main(out: Path) -> int:
    """Write the descriptor set; return protoc's exit status."""
    well_known = Path(str(files("grpc_tools") / "_proto"))
    googleapis = Path(next(iter(google.rpc.__path__))).parents[1]
    status: int = protoc.main(
        [
            "protoc",
            f"-I{PROTOS}",
            f"-I{googleapis}",
            f"-I{well_known}",
            "--include_imports",
            f"--descriptor_set_out={out}",
            DETAILS,
            *map(str, sorted(PROTOS.glob("fhirexport/v1/*.proto"))),
        ]
    )
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
