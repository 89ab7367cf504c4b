"""Which kept rendering a new one can start from."""

from collections.abc import Iterable

from fhirexport_server.cache.entry import Description
from fhirexport_server.domain.datasets import Dataset
from fhirexport_server.domain.outcomes import FullReason
from fhirexport_server.domain.revision import Token
from fhirexport_server.exports import etags
from fhirexport_server.exports.producing.order import Order


def usable(order: Order, candidates: Iterable[Description | None]) -> Description | FullReason:
    """Return the latest rendering that the order's can start from, or why there is none.

    It must be of the same database, release, base URL and layout, and of no later state.
    """
    if order.variant.dataset is Dataset.STRUCTURE:
        return FullReason.STRUCTURE
    if order.etag is None or order.required is None:
        return FullReason.NO_BASE
    shape = etags.shape(order.etag)
    by_changes = {
        Token.decode(candidate.revision).revision.n: candidate
        for candidate in candidates
        if candidate is not None and candidate.base is not None and etags.shape(candidate.etag) == shape
    }
    earlier = [n for n in by_changes if n <= order.required.n]
    return by_changes[max(earlier)] if earlier else FullReason.NO_BASE
