"""Owns the services that the contract has and this release does not offer yet: each method says so."""

from __future__ import annotations  # gRPC's handler type takes no parameters at run time

from collections.abc import AsyncIterator
from typing import NoReturn

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from fhirexport_server.rpc.call import Context
from fhirexport_server.rpc.errors import NotImplementedRpcError


def unimplemented(service: ServiceDescriptor) -> grpc.GenericRpcHandler:
    """Returns a handler that answers every method of a service with UNIMPLEMENTED."""
    handlers = {method.name: _handler(method) for method in service.methods}
    return grpc.method_handlers_generic_handler(service.full_name, handlers)


def _handler(method: MethodDescriptor) -> grpc.RpcMethodHandler[Message, Message]:
    name = f"{method.containing_service.full_name}/{method.name}"

    async def unary(_request: object, _context: Context) -> NoReturn:
        raise NotImplementedRpcError(name)

    async def stream(_request: Message, _context: Context) -> AsyncIterator[Message]:
        raise NotImplementedRpcError(name)
        yield  # what makes it a generator

    parse = GetMessageClass(method.input_type).FromString
    write = GetMessageClass(method.output_type).SerializeToString
    if method.server_streaming:
        return grpc.unary_stream_rpc_method_handler(stream, parse, write)
    if method.client_streaming:
        return grpc.stream_unary_rpc_method_handler(unary, parse, write)
    return grpc.unary_unary_rpc_method_handler(unary, parse, write)
