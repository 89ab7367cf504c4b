"""Owns writing a message around content that is there already, without copying that into a message first.

The fields of a serialized message may be put end to end: what is written here is what a message's own
SerializeToString would write. Source: Protocol Buffers, Encoding.
"""

from collections.abc import Iterable, Sequence

from google.protobuf.message import Message

_LENGTH_DELIMITED = 2


def around(message: Message, field: str, content: Sequence[bytes]) -> bytes:
    """Returns a message with one more field, of text or bytes, whose content comes in pieces.

    Args:
        message: everything but that field; its fields have smaller numbers.
        field: the field's name.
        content: its pieces, in order.
    """
    return b"".join((message.SerializeToString(), *_field(message, field, content)))


def nested(message: Message, outer: str, inner: str, content: Sequence[bytes], rest: Message) -> bytes:
    """Returns a message with a message in it, that has the content and the fields of `rest`.

    Args:
        message: the outer message, empty.
        outer: the outer message's field.
        inner: the inner message's field, of text or bytes.
        content: that field's pieces, in order.
        rest: the inner message's other fields; they have larger numbers.
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
