"""The reference of the API, made from the protos: a page for each service, and one of messages and enums."""

from collections.abc import Iterator

from contract import PACKAGE, Contract, Enum, Message, Method
from google.api.http_pb2 import HttpRule
from google.protobuf.descriptor_pb2 import FieldDescriptorProto

TYPES = "types"
_SCALARS = {
    number: FieldDescriptorProto.Type.Name(number).removeprefix("TYPE_").lower()
    for number in FieldDescriptorProto.Type.values()
}


def pages(contract: Contract) -> Iterator[tuple[str, str]]:
    """Yield each page: its name, without an ending, and its text in Markdown."""
    for service, comment in contract.services.items():
        methods = [method for method in contract.methods if method.service == service]
        name = service.rpartition(".")[2]
        yield name, "\n".join([f"# {name}", f"`{service}`", "", comment, "", *_of_methods(methods)])
    yield TYPES, "\n".join(["# Messages and enums", *_of_types(contract)])


def http_paths(rule: HttpRule | None) -> Iterator[tuple[str, str, str]]:
    """Yield the verb, the path and the body of each way that HTTP reaches a method by."""
    if rule is None:
        return
    for each in (rule, *rule.additional_bindings):
        verb = each.WhichOneof("pattern")
        if verb:
            yield verb.upper(), getattr(each, verb), each.body


def short(name: str) -> str:
    """Return the name of a type without our package."""
    return name.removeprefix(".").removeprefix(f"{PACKAGE}.")


def anchor(name: str) -> str:
    """Return the id of a type's heading."""
    return short(name).lower().replace(".", "-")


def _of_methods(methods: list[Method]) -> Iterator[str]:
    for method in methods:
        rpc = method.descriptor
        request = f"{'stream ' * rpc.client_streaming}{_link(rpc.input_type)}"
        response = f"{'stream ' * rpc.server_streaming}{_link(rpc.output_type)}"
        yield from (f"## {rpc.name}", method.comment, "", f"{request} → {response}", "")
        for verb, path, body in http_paths(method.http):
            yield f"- HTTP: `{verb} {path}`{f', the body is `{body}`' if body else ''}"
        yield ""


def _of_types(contract: Contract) -> Iterator[str]:
    for message in sorted(contract.messages.values(), key=lambda each: each.name):
        yield from _of_message(message)
    for enum in sorted(contract.enums.values(), key=lambda each: each.name):
        yield from _of_enum(enum)


def _of_message(message: Message) -> Iterator[str]:
    yield from (f"## {short(message.name)} {{ #{anchor(message.name)} }}", message.comment, "")
    if message.fields:
        yield from ("| field | type | |", "| --- | --- | --- |")
    for descriptor, comment in message.fields:
        many = "repeated " * (descriptor.label == FieldDescriptorProto.LABEL_REPEATED)
        kind = _link(descriptor.type_name) if descriptor.type_name else f"`{_SCALARS[descriptor.type]}`"
        yield f"| `{descriptor.name}` = {descriptor.number} | {many}{kind} | {_cell(comment)} |"
    yield ""


def _of_enum(enum: Enum) -> Iterator[str]:
    yield from (f"## {short(enum.name)} {{ #{anchor(enum.name)} }}", enum.comment, "")
    yield from ("| value | | |", "| --- | --- | --- |")
    for name, number, comment in enum.values:
        yield f"| `{name}` | {number} | {_cell(comment)} |"
    yield ""


def _cell(comment: str) -> str:
    return " ".join(comment.split()).replace("|", "\\|")


def _link(name: str) -> str:
    if not name.startswith(f".{PACKAGE}."):
        return f"`{name.removeprefix('.')}`"
    return f"[{short(name)}]({TYPES}.md#{anchor(name)})"
