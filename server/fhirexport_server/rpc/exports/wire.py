"""Serializes messages around content, without copying the content into a message first.

The fields of a serialized message may be concatenated, so the result is what the message's own
SerializeToString would return. Source: Protocol Buffers, Encoding.
"""

from collections.abc import Iterable, Sequence

from google.protobuf.message import Message

_LENGTH_DELIMITED = 2


def around(message: Message, field: str, content: Sequence[bytes]) -> bytes:
    """Serialize a message with one more field, of text or bytes, whose content is in pieces.

    Args:
        message: The message without that field; its fields have smaller numbers.
        field: The field's name.
        content: The pieces of the field, in order.
    """
    return b"".join((message.SerializeToString(), *_field(message, field, content)))


def nested(message: Message, outer: str, inner: str, content: Sequence[bytes], rest: Message) -> bytes:
    """Serialize a message that holds a message with the content and the fields of `rest`.

    Args:
        message: The outer message, empty.
        outer: The outer message's field.
        inner: The inner message's field, of text or bytes.
        content: The pieces of that field, in order.
        rest: The inner message's other fields; they have larger numbers.
    """
    pieces = (*_field(rest, inner, content), rest.SerializeToString())
    return b"".join(_field(message, outer, pieces))


def _field(message: Message, name: str, content: Sequence[bytes]) -> Iterable[bytes]:
    number = message.DESCRIPTOR.fields_by_name[name].number
    yield _varint(number << 3 | _LENGTH_DELIMITED)
    yield _varint(sum(map(len, content)))
    yield from content


def _varint(number: int) -> bytes:
    digits = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte, and one for "more"
        digits.append(number & 0x7F | 0x80)
        number >>= 7
    digits.append(number)
    return bytes(digits)
