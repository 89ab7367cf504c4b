"""The OpenAPI document of the HTTP face: what Envoy's transcoder makes of the annotations in the protos."""

import re
from typing import Any, Final

from contract import Contract, Method, is_required
from google.protobuf.descriptor_pb2 import FieldDescriptorProto
from reference import http_paths, short

_F: Final = FieldDescriptorProto
_INTEGERS: Final = (_F.TYPE_INT32, _F.TYPE_UINT32, _F.TYPE_SINT32, _F.TYPE_FIXED32, _F.TYPE_SFIXED32)
_LONGS: Final = (_F.TYPE_INT64, _F.TYPE_UINT64, _F.TYPE_SINT64, _F.TYPE_FIXED64, _F.TYPE_SFIXED64)
# As protobuf writes them in JSON: numbers of 64 bits are strings.
_SCALARS: Final[dict[int, dict[str, str]]] = {
    **{number: {"type": "integer", "format": "int32"} for number in _INTEGERS},
    **{number: {"type": "string", "format": "int64"} for number in _LONGS},
    _F.TYPE_BOOL: {"type": "boolean"},
    _F.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
    _F.TYPE_DOUBLE: {"type": "number"},
    _F.TYPE_FLOAT: {"type": "number"},
}
_WELL_KNOWN: Final[dict[str, dict[str, Any]]] = {
    ".google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    ".google.protobuf.Duration": {"type": "string", "pattern": r"^-?\d+(\.\d+)?s$", "examples": ["60s"]},
}
_ERROR: Final = {
    "type": "object",
    "description": "google.rpc.Status; `details` has one ErrorInfo, whose `reason` docs/api.md explains.",
    "properties": {
        "code": {"type": "integer", "description": "The gRPC status code."},
        "message": {"type": "string"},
        "details": {"type": "array", "items": {"type": "object"}},
    },
}


def document(contract: Contract, version: str) -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for method in contract.methods:
        for verb, path, body in http_paths(method.http):
            paths.setdefault(path, {})[verb.lower()] = _operation(contract, method, path, body)
    schemas = {
        short(name): _schema_of_message(message.comment, message.fields)
        for name, message in contract.messages.items()
    } | {
        short(name): {"type": "string", "enum": [value for value, _, _ in enum.values]}
        | _described(enum.comment)
        for name, enum in contract.enums.items()
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "fhirexport",
            "version": version,
            "description": "HTTP and JSON, through Envoy (docs/http.md). Numbers of 64 bits are strings.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://localhost:8000", "description": "make http"}],
        "tags": [
            {"name": short(name), "description": comment} for name, comment in contract.services.items()
        ],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas | {"Error": _ERROR},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {
                "Error": {
                    "description": "An error.",
                    "content": _json({"$ref": "#/components/schemas/Error"}),
                }
            },
        },
    }


def _operation(contract: Contract, method: Method, path: str, body: str) -> dict[str, Any]:
    message = contract.messages[method.descriptor.input_type.removeprefix(".")]
    in_path = set(re.findall(r"\{(\w+)\}", path))
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _schema(each)} | _described(comment)
        for each, comment in message.fields
        if (name := each.name) in in_path
    ]
    if body != "*":
        parameters += _query(contract, message.name, skip={*in_path, body})
    streams = method.descriptor.server_streaming
    answer = {"$ref": f"#/components/schemas/{short(method.descriptor.output_type)}"}
    kind = "application/x-ndjson" if streams else "application/json"
    operation: dict[str, Any] = {
        "operationId": method.descriptor.name,
        "tags": [short(method.service)],
        "summary": method.comment.partition(". ")[0].partition(".\n")[0].replace("\n", " "),
        "description": method.comment,
        "parameters": parameters,
        "responses": {
            "200": {
                "description": "One message a line." if streams else "The answer.",
                "content": {kind: {"schema": answer}},
            },
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    if body:
        whole = {"$ref": f"#/components/schemas/{short(message.name)}"}
        part = next((_schema(each) for each, _ in message.fields if each.name == body), whole)
        operation["requestBody"] = {"required": True, "content": _json(part)}
    return operation


def _query(contract: Contract, name: str, *, skip: set[str], prefix: str = "") -> list[dict[str, Any]]:
    """Return the fields of a message as parameters of the query, those of messages in it by a dotted name."""
    parameters = []
    for each, comment in contract.messages[name].fields:
        if each.name in skip:
            continue
        nested = each.type_name.removeprefix(".")
        if each.type == _F.TYPE_MESSAGE and nested in contract.messages:
            if each.label != _F.LABEL_REPEATED:  # a query cannot repeat a message
                parameters += _query(contract, nested, skip=set(), prefix=f"{prefix}{each.name}.")
            continue
        parameter = {"name": f"{prefix}{each.name}", "in": "query", "schema": _schema(each)}
        required = {"required": True} if is_required(each) else {}
        parameters.append(parameter | required | _described(comment))
    return parameters


def _schema_of_message(comment: str, fields: list[tuple[FieldDescriptorProto, str]]) -> dict[str, Any]:
    properties = {each.name: _schema(each) | _described(text) for each, text in fields}
    return {"type": "object", "properties": properties} | _described(comment)


def _schema(each: FieldDescriptorProto) -> dict[str, Any]:
    one = _schema_of_one(each)
    return {"type": "array", "items": one} if each.label == _F.LABEL_REPEATED else one


def _schema_of_one(each: FieldDescriptorProto) -> dict[str, Any]:
    if each.type_name in _WELL_KNOWN:
        return dict(_WELL_KNOWN[each.type_name])
    if each.type in {_F.TYPE_MESSAGE, _F.TYPE_ENUM}:
        known = each.type_name.startswith(".fhirexport.")
        return {"$ref": f"#/components/schemas/{short(each.type_name)}"} if known else {"type": "object"}
    return dict(_SCALARS.get(each.type, {"type": "string"}))


def _described(comment: str) -> dict[str, str]:
    return {"description": comment} if comment else {}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
