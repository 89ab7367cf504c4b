"""The watches of the fake server."""

from collections.abc import Iterator
from datetime import UTC, datetime

import grpc

from fhirexport.cache_models import DATASETS, Dataset
from fhirexport.errors import Violation
from fhirexport.testing.failures import Failure
from fhirexport.testing.script import Script
from fhirexport.v1.export_service_pb2 import WatchExportsRequest, WatchExportsResponse

_NAMES: dict[int, Dataset] = {number: name for name, number in DATASETS.items()}


def watched(
    request: WatchExportsRequest, script: Script, context: grpc.ServicerContext
) -> Iterator[WatchExportsResponse]:
    """Yield the revisions of what is put on the server, until the call is over or fails as it is scripted."""
    request_id, scripted = script.receive("WatchExports", request, context)
    if scripted is not None and not scripted.after_chunks:
        scripted.failure.abort(context, request_id)
    known: dict[tuple[int, Dataset], str] = {}
    for position, wanted in enumerate(request.exports):
        name = _NAMES.get(wanted.dataset)
        if name is None or wanted.ej_id <= 0:
            _refused(f"exports[{position}]").abort(context, request_id)
        if script.revision(wanted.ej_id, name) is None:
            message = f"there is no legal entity (EJ) {wanted.ej_id}; ListLegalEntities lists those there are"
            Failure("EJ_NOT_FOUND", message, {"ej_id": str(wanted.ej_id)}).abort(context, request_id)
        known[wanted.ej_id, name] = wanted.after_revision
    if not known:
        _refused("exports").abort(context, request_id)
    context.add_callback(script.look_around)
    present = {export: script.revision(*export) or "" for export in known}
    news = {export: revision for export, revision in present.items() if revision != known[export]}
    messages = 0
    while context.is_active():
        if scripted is not None and messages >= scripted.after_chunks:
            scripted.failure.abort(context, request_id)
        known.update(news)
        yield _message(news)
        messages += 1
        if scripted is None or messages < scripted.after_chunks:
            news = script.changed(known, lambda: not context.is_active())


def _message(news: dict[tuple[int, Dataset], str]) -> WatchExportsResponse:
    response = WatchExportsResponse()
    for (ej_id, name), revision in news.items():
        told = response.exports.add(ej_id=ej_id, dataset=DATASETS[name], revision=revision)
        told.notice_time.FromDatetime(datetime.now(UTC))
    return response


def _refused(field: str) -> Failure:
    description = "must name an EJ's id and a dataset"
    return Failure(
        "INVALID_FIELD",
        f"the request is not valid: correct {field}",
        violations=(Violation(field, description),),
    )
