"""Shows which kept rendering a new one starts from: the latest of the same shape that is not later."""

from dataclasses import replace
from datetime import UTC, datetime

from fhirexport_server.cache.entry import Base, Description, Variant
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.outcomes import ExportAnswer, FullReason
from fhirexport_server.domain.revision import Revision, Token
from fhirexport_server.domain.segments import Manifest, Totals
from fhirexport_server.exports import etags
from fhirexport_server.exports.producing.bases import usable
from fhirexport_server.exports.producing.order import Order
from fhirexport_server.exports.request import ExportRequest

BASE_URL = "https://example.org/fhir"
REQUEST = ExportRequest(1, Dataset.VENUES, Format.NDJSON)


def revision(n: int, incarnation: str = "this") -> Revision:
    return Revision(incarnation, n, 7 * n)


def described(n: int, incarnation: str = "this", base_url: str = BASE_URL) -> Description:
    state = revision(n, incarnation)
    return Description(
        etags.etag(state, REQUEST, base_url),
        Token(1, Dataset.VENUES, state).encode(),
        datetime(2026, 1, 1, tzinfo=UTC),
        Totals(0, 0, ""),
        Manifest(()),
        Base("here", "{}"),
    )


def order(n: int) -> Order:
    variant = Variant(1, Dataset.VENUES, Format.NDJSON, Detail.SUMMARY)
    etag = etags.etag(revision(n), REQUEST, BASE_URL)
    return Order(variant, etag, REQUEST, revision(n), 0.0, ExportAnswer.STALE)


def test_the_latest_that_is_not_later_is_the_base() -> None:
    candidates = [described(3), described(5), None, described(9)]
    assert usable(order(7), candidates) == described(5)
    assert usable(order(9), candidates) == described(9)


def test_without_a_candidate_everything_is_rendered() -> None:
    assert usable(order(7), []) is FullReason.NO_BASE
    assert usable(order(7), [None, described(8)]) is FullReason.NO_BASE


def test_another_database_base_url_or_state_without_position_is_no_base() -> None:
    foreign = [described(5, "other"), described(5, base_url="https://other.example/fhir")]
    assert usable(order(7), foreign) is FullReason.NO_BASE
    assert usable(order(7), [replace(described(5), base=None)]) is FullReason.NO_BASE


def test_a_structure_has_no_base() -> None:
    of_structure = replace(order(7), variant=Variant(1, Dataset.STRUCTURE, Format.NDJSON, Detail.SUMMARY))
    assert usable(of_structure, [described(5)]) is FullReason.STRUCTURE
