"""The three formats: the bytes before, around, between and after the resources.

Sources: FHIR R4 Bundle (invariants bdl-1 to bdl-12), FHIR NDJSON of Bulk Data Access.
"""

from collections.abc import Callable
from dataclasses import dataclass

from fhirexport_server.domain.datasets import Format
from fhirexport_server.domain.rows import Rendered


@dataclass(frozen=True)
class Layout:
    """One format: the head and the first entry, each further entry after `between`, then the tail."""

    head: bytes
    between: bytes
    tail: bytes
    empty: bytes
    """The whole rendering if there are no resources: FHIR allows no empty array."""
    entry: Callable[[Rendered], bytes]


def layout(format_: Format, base_url: str) -> Layout:
    """Return the layout of a format. A resource's fullUrl is `<base_url>/<type>/<id>`."""
    if format_ is Format.NDJSON:
        return Layout(
            head=b"", between=b"", tail=b"", empty=b"", entry=lambda resource: resource.json + b"\n"
        )
    base = f'{{"fullUrl":"{base_url}/'

    def collected(resource: Rendered) -> bytes:
        return f'{base}{resource.type}/{resource.id}","resource":'.encode() + resource.json + b"}"

    def put(resource: Rendered) -> bytes:
        # PUT by id: sending it twice changes nothing more.
        request = f',"request":{{"method":"PUT","url":"{resource.type}/{resource.id}"}}}}'
        return collected(resource)[:-1] + request.encode()

    if format_ is Format.BUNDLE:
        return _bundle("collection", collected)
    return _bundle("transaction", put)


def _bundle(type_: str, entry: Callable[[Rendered], bytes]) -> Layout:
    start = f'{{"resourceType":"Bundle","type":"{type_}"'.encode()
    return Layout(
        head=start + b',"entry":[\n',
        between=b",\n",
        tail=b"\n]}\n",
        empty=start + b"}\n",
        entry=entry,
    )
