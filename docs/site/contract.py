"""The contract with its comments: what the protos say, for the reference and the OpenAPI document."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import google.rpc
from google.api import annotations_pb2, field_behavior_pb2
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)
from grpc_tools import protoc

PROTOS = Path(__file__).parents[2] / "protos"
PACKAGE = "fhirexport.v1"
# The numbers of fields in descriptor.proto: a path of SourceCodeInfo is made of them.
_MESSAGE, _ENUM, _SERVICE = 4, 5, 6
_FIELD, _NESTED, _NESTED_ENUM = 2, 3, 4
_METHOD, _VALUE = 2, 2


@dataclass(frozen=True)
class Message:
    """A message, with the comments on it and on its fields."""

    name: str
    """With the package."""
    comment: str
    descriptor: DescriptorProto
    fields: list[tuple[FieldDescriptorProto, str]]


@dataclass(frozen=True)
class Enum:
    """An enum, with the comments on it and on its values."""

    name: str
    comment: str
    descriptor: EnumDescriptorProto
    values: list[tuple[str, int, str]]


@dataclass(frozen=True)
class Method:
    """A method of a service, and how HTTP reaches it."""

    service: str
    comment: str
    descriptor: MethodDescriptorProto
    http: HttpRule | None

    @property
    def name(self) -> str:
        """As it is called in gRPC."""
        return f"{self.service}/{self.descriptor.name}"


@dataclass
class Contract:
    """All of our protos."""

    messages: dict[str, Message] = field(default_factory=dict)
    enums: dict[str, Enum] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    """The comment on each."""
    methods: list[Method] = field(default_factory=list)


def read() -> Contract:
    """Compile the protos and return what they say."""
    contract = Contract()
    for file in _compiled().file:
        if file.package == PACKAGE:
            _add(contract, file)
    return contract


def is_required(descriptor: FieldDescriptorProto) -> bool:
    """Say whether a field is marked as required."""
    behaviours = descriptor.options.Extensions[field_behavior_pb2.field_behavior]
    return field_behavior_pb2.REQUIRED in behaviours


def _compiled() -> FileDescriptorSet:
    well_known = Path(str(files("grpc_tools") / "_proto"))
    googleapis = Path(next(iter(google.rpc.__path__))).parents[1]
    with TemporaryDirectory() as directory:
        out = Path(directory) / "api.binpb"
        includes = [f"-I{folder}" for folder in (PROTOS, googleapis, well_known)]
        sources = [str(path) for path in sorted(PROTOS.glob("fhirexport/v1/*.proto"))]
        options = ["--include_imports", "--include_source_info", f"--descriptor_set_out={out}"]
        if protoc.main(["protoc", *includes, *options, *sources]):
            raise SystemExit("the protos cannot be compiled")
        return FileDescriptorSet.FromString(out.read_bytes())


def _add(contract: Contract, file: FileDescriptorProto) -> None:
    comments = {
        tuple(location.path): _text(location.leading_comments or location.trailing_comments)
        for location in file.source_code_info.location
    }
    for number, message in enumerate(file.message_type):
        for each in _messages(PACKAGE, message, (_MESSAGE, number), comments, contract.enums):
            contract.messages[each.name] = each
    for number, enum in enumerate(file.enum_type):
        _add_enum(contract.enums, PACKAGE, enum, (_ENUM, number), comments)
    for number, service in enumerate(file.service):
        name = f"{PACKAGE}.{service.name}"
        contract.services[name] = comments.get((_SERVICE, number), "")
        for index, method in enumerate(service.method):
            comment = comments.get((_SERVICE, number, _METHOD, index), "")
            has_http = method.options.HasExtension(annotations_pb2.http)
            http = method.options.Extensions[annotations_pb2.http] if has_http else None
            contract.methods.append(Method(name, comment, method, http))


def _text(comment: str) -> str:
    return "\n".join(line.strip() for line in comment.strip().splitlines())


def _messages(
    scope: str,
    message: DescriptorProto,
    path: tuple[int, ...],
    comments: dict[tuple[int, ...], str],
    enums: dict[str, Enum],
) -> Iterator[Message]:
    name = f"{scope}.{message.name}"
    fields = [(each, comments.get((*path, _FIELD, number), "")) for number, each in enumerate(message.field)]
    yield Message(name, comments.get(path, ""), message, fields)
    for number, nested in enumerate(message.nested_type):
        yield from _messages(name, nested, (*path, _NESTED, number), comments, enums)
    for number, enum in enumerate(message.enum_type):
        _add_enum(enums, name, enum, (*path, _NESTED_ENUM, number), comments)


def _add_enum(
    enums: dict[str, Enum],
    scope: str,
    enum: EnumDescriptorProto,
    path: tuple[int, ...],
    comments: dict[tuple[int, ...], str],
) -> None:
    values = [
        (value.name, value.number, comments.get((*path, _VALUE, number), ""))
        for number, value in enumerate(enum.value)
    ]
    name = f"{scope}.{enum.name}"
    enums[name] = Enum(name, comments.get(path, ""), enum, values)
