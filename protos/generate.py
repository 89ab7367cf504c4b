"""Owns how the protos become Python: one pinned generator, called the same way by hand and by CI.

Usage: `python protos/generate.py OUT [DESCRIPTORS]` writes the package `fhirexport/v1` below OUT
and, where asked, the descriptor set (with every import, for buf and for Envoy) to DESCRIPTORS.
"""

import sys
from importlib.resources import files
from pathlib import Path

import google.rpc
from grpc_tools import protoc

HERE = Path(__file__).parent
PROTOS = sorted(HERE.glob("fhirexport/v1/*.proto"))


def arguments(out: Path, descriptors: Path) -> list[str]:
    """Return the arguments of one protoc run that writes everything."""
    well_known = Path(str(files("grpc_tools") / "_proto"))
    googleapis = Path(next(iter(google.rpc.__path__))).parents[1]
    return [
        "protoc",
        f"-I{HERE}",
        f"-I{googleapis}",
        f"-I{well_known}",
        f"--python_out={out}",
        f"--grpc_python_out={out}",
        f"--mypy_out=quiet:{out}",
        f"--mypy_grpc_out=quiet:{out}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={descriptors}",
        *map(str, PROTOS),
    ]


def main(out: Path, descriptors: Path) -> int:
    """Generate the package into `out` and the descriptor set; return protoc's exit status."""
    package = out / "fhirexport" / "v1"
    package.mkdir(parents=True, exist_ok=True)
    status: int = protoc.main(arguments(out, descriptors))
    (package / "__init__.py").write_text('"""Owns nothing by hand: what protos/generate.py writes."""\n')
    for proto in PROTOS:
        if "\nservice " not in proto.read_text():
            # protoc writes a file of stubs for each proto, also where there is no service to stub.
            for suffix in ("py", "pyi"):
                (package / f"{proto.stem}_pb2_grpc.{suffix}").unlink(missing_ok=True)
    return status


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(*sys.argv[2:3] or ["/dev/null"])))
