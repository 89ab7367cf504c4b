"""Syncs of callers who say that they have anything: true, mixed up, cut or made up."""

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from random import Random
from time import monotonic

import grpc
from fhirexport.v1 import types_pb2 as types
from fhirexport.v1.export_service_pb2 import StreamExportRequest, StreamExportResponse
from fhirexport.v1.export_service_pb2_grpc import ExportServiceStub
from sqlalchemy import text
from support.rows import writing
from verification.fuzz.tried import Tried
from zstandard import ZstdDecompressor

_EXPECTED = frozenset({"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"})
_FORMATS = (types.FORMAT_NDJSON, types.FORMAT_BUNDLE, types.FORMAT_TRANSACTION)
_DATASETS = (types.DATASET_STRUCTURE, types.DATASET_PATIENTS, types.DATASET_VENUES)
_ENCODINGS: Sequence[Sequence[types.Encoding.ValueType]] = ((), (types.ENCODING_ZSTD,))
_WRITES = 1 / 50
"""How often a patient is changed after a sync."""
_LISTS = 30
"""How many answers a caller remembers."""
_MADE_UP = ("", "0" * 64, "x", "A" * 64)
_Have = StreamExportRequest.Have


class Syncs:
    """A caller, and all that it has ever been sent."""

    def __init__(self, run: Tried, url: str) -> None:
        self._run = run
        self._random = Random(run.seed)
        self._url = url
        self._texts: dict[bytes, bytes] = {}
        self._lists: list[list[bytes]] = [[]]

    async def go_on(self, address: str, ends: float) -> None:
        """Sync again and again, until a time by the monotonic clock."""
        random = self._random
        async with grpc.aio.insecure_channel(address) as channel:
            stub = ExportServiceStub(channel)
            while monotonic() < ends:
                request = StreamExportRequest(
                    ej_id=1,
                    dataset=random.choice(_DATASETS),
                    format=random.choice(_FORMATS),
                    accept_encodings=random.choice(_ENCODINGS),
                    have=self._have(),
                )
                try:
                    events = [event async for event in stub.StreamExport(request)]
                except grpc.aio.AioRpcError as error:
                    self._run.ends(error.code().name)
                    if error.code().name not in _EXPECTED:
                        self._run.goes_wrong(f"{error.code().name} for {request!r:.200}")
                    continue
                self._run.ends(self._complete(events, request.have))
                if random.random() < _WRITES:
                    await asyncio.to_thread(_write, self._url, random.randrange(10**6))

    def _have(self) -> _Have:
        random = self._random
        roots = [*_MADE_UP, *map(_root, self._lists)]
        if random.random() < 1 / 4:
            return _Have(root=random.choice(roots))
        digests = list(random.choice(self._lists))
        match random.randrange(6):
            case 0:
                random.shuffle(digests)
            case 1:
                digests = random.choices([*digests, bytes(32)], k=random.randint(0, 50))
            case 2:
                other = random.randbytes(random.choice((0, 31, 32, 33)))
                digests.insert(random.randint(0, len(digests)), other)
            case 3:
                del digests[random.randint(0, len(digests)) :]
        return _Have(digests=digests, root=random.choice(roots) if random.random() < 1 / 20 else "")

    def _complete(self, events: Sequence[StreamExportResponse], have: _Have) -> str:
        """Put an answer together with what the caller has; say how it was, and tell where it is not right."""
        # Who names a root has that list, in its order.
        named = (
            next((one for one in self._lists if _root(one) == have.root), []) if have.root else have.digests
        )
        digests: list[bytes] = []
        pieces = b""
        for event in events:
            if event.HasField("unchanged"):
                told = named[event.unchanged.first :][: event.unchanged.count]
                self._expect(len(told) == event.unchanged.count, "what the caller lacks is told as unchanged")
                digests += told
            elif event.HasField("chunk"):
                pieces += _text(event.chunk)
                if event.chunk.digest:
                    self._expect(sha256(pieces).digest() == event.chunk.digest, "a digest is another text's")
                    self._texts[event.chunk.digest] = pieces
                    digests.append(event.chunk.digest)
                    pieces = b""
        finished = events[-1].finished
        self._expect(not pieces and events[-1].HasField("finished"), "an answer has no end")
        size = sum(len(self._texts.get(digest, b"")) for digest in digests)
        is_whole = (finished.root, finished.size_bytes) == (_root(digests), size)
        self._expect(is_whole, "what has come and what the caller has do not make the whole")
        if digests not in self._lists:
            self._lists.append(digests)
            del self._lists[1:-_LISTS]
        return "unchanged" if any(event.HasField("unchanged") for event in events) else "whole"

    def _expect(self, holds: bool, what: str) -> None:  # noqa: FBT001 - it reads as an assertion does
        if not holds:
            self._run.goes_wrong(what)


def _text(chunk: StreamExportResponse.Chunk) -> bytes:
    return ZstdDecompressor().decompress(chunk.zstd) if chunk.zstd else chunk.json.encode()


def _root(digests: Sequence[bytes]) -> str:
    return sha256(b"".join(digests)).hexdigest()


def _write(url: str, number: int) -> None:
    with writing(url) as connection:
        connection.execute(
            text("UPDATE patient SET used_family = :name WHERE id % 97 = :rest AND ej_id = 1"),
            {"name": f"AUTRE{number}", "rest": number % 97},
        )
