"""Calls as FHIR R4 AuditEvents, after the patterns of IHE's Basic Audit Log Patterns (BALP).

An export is what BALP calls a disclosure as its source records it: type Export, action R, subtype `disclose`,
an agent that gave and one that got. BALP's own profile of it is for one patient; an export is of many, and
names none, so that no event claims the profile.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

Event = Mapping[str, Any]

_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_ENTITY: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_SOURCE: Final = "http://terminology.hl7.org/CodeSystem/security-source-type"
_FINESS: Final = "https://finess.esante.gouv.fr"
_EXPORT: Final = ("110106", "Export")
_IMPORT: Final = ("110107", "Import")
_QUERY: Final = ("110112", "Query")
_USE: Final = ("110100", "Application Activity")
_GIVER: Final = ("110153", "Source Role ID")
_GETTER: Final = ("110152", "Destination Role ID")
_STARTS: Final = ("110120", "Application Start")
_STOPS: Final = ("110121", "Application Stop")
_BIG: Final = {"INTERNAL", "DATA_LOSS", "UNKNOWN"}
_DETAILS: Final = (
    "call",
    "dataset",
    "format",
    "source",
    "etag",
    "not_modified",
    "resources",
    "bytes",
    "sent_bytes",
    "received_bytes",
    "seconds",
    "validate_only",
    "pattern",
    "dry_run",
    "created",
    "updated",
    "unchanged",
    "deleted",
    "status",
    "reason",
)
_PEER = re.compile(r"ipv[46]:(?P<address>.+):\d+")


def audit_events(events: Iterable[Event], chain: str) -> Iterator[dict[str, Any]]:
    """Yield an AuditEvent for each call, and for each start and stop of the server.

    A call without a last line was cut off by the end of its server, or goes on: its outcome is a serious
    failure, for what of it left is not known.

    Args:
        events: What the lines of one chain say, in order.
        chain: The name of the chain.
    """
    begun: dict[str, Event] = {}
    for event in events:
        kind = event["event"]
        if kind == "begun":
            begun[event["call"]] = event
        elif kind == "ended":
            first = begun.pop(event["call"], {})
            yield _of_call({**first, **event, "time": first.get("time", event["time"])}, chain)
        elif kind == "refused":
            yield _of_call(event, chain)
        elif kind in {"started", "recovered", "stopped"}:
            if "server" in event:
                # A process has started: what had begun before will not end any more.
                yield from (_of_call(cut, chain) for cut in begun.values())
                begun.clear()
            yield _of_server(event, chain)
    yield from (_of_call(cut, chain) for cut in begun.values())


def _of_call(event: Event, chain: str) -> dict[str, Any]:
    method = str(event.get("method", ""))
    service, _, name = method.partition("/")
    is_import = service == "ImportService"
    if is_import:
        kind, action, subtype = (
            _IMPORT,
            "C",
            _coding(_LIFECYCLE, "receive", "Receive/Retain Record Lifecycle Event"),
        )
    elif name.startswith(("Export", "StreamExport")):
        kind, action, subtype = (
            _EXPORT,
            "R",
            _coding(_LIFECYCLE, "disclose", "Disclose Record Lifecycle Event"),
        )
    elif service == "ExportService":
        kind, action, subtype = _QUERY, "E", None
    else:
        kind, action, subtype = _USE, "E", None
    client = _client(event, _GIVER if is_import else _GETTER)
    server = _server(chain, _GETTER if is_import else _GIVER)
    outcome, description = _outcome(event)
    return _clean(
        {
            "resourceType": "AuditEvent",
            "id": _id(chain, event),
            "type": _coding(_DICOM, *kind),
            "subtype": [one for one in (subtype, _coding("urn:fhirexport:method", name, method)) if one],
            "action": action,
            "recorded": event["time"],
            "outcome": outcome,
            "outcomeDesc": description,
            "agent": [client, server],
            "source": _source(chain),
            "entity": _entities(event),
        }
    )


def _of_server(event: Event, chain: str) -> dict[str, Any]:
    kind = _STOPS if event["event"] == "stopped" else _STARTS
    is_wrong = event["event"] == "recovered"
    server = _server(chain, None)
    return _clean(
        {
            "resourceType": "AuditEvent",
            "id": _id(chain, event),
            "type": _coding(_DICOM, "110100", "Application Activity"),
            "subtype": [_coding(_DICOM, *kind)],
            "action": "E",
            "recorded": event["time"],
            "outcome": "4" if is_wrong else "0",
            "outcomeDesc": "the audit trail was found torn, cut or unwritable" if is_wrong else "",
            "agent": [server],
            "source": _source(chain),
        }
    )


def _client(event: Event, role: tuple[str, str]) -> dict[str, Any]:
    who = event.get("who") or {}
    peer = str(event.get("peer", ""))
    match = _PEER.fullmatch(peer)
    address = match["address"].strip("[]") if match else peer
    identifier = _clean({"system": _uri(who.get("issuer", "")), "value": who.get("subject")})
    return _clean(
        {
            "type": {"coding": [_coding(_DICOM, *role)]},
            "who": _clean({"identifier": identifier, "display": who.get("caller")})
            or {"display": address or "unknown"},
            "requestor": True,
            "policy": [f"urn:fhirexport:jti:{who['token_id']}"]
            if _is_uri_part(who.get("token_id", ""))
            else None,
            "network": {"address": address, "type": "2"} if match else None,
        }
    )


def _server(chain: str, role: tuple[str, str] | None) -> dict[str, Any]:
    return _clean(
        {
            "type": {"coding": [_coding(_DICOM, *(role or ("110150", "Application")))]},
            "who": {"display": f"fhirexport {chain}"},
            "requestor": False,
        }
    )


def _source(chain: str) -> dict[str, Any]:
    return {
        "observer": {"display": f"fhirexport {chain}"},
        "type": [_coding(_SOURCE, "4", "Application Server")],
    }


def _entities(event: Event) -> list[dict[str, Any]]:
    entities: list[dict[str, Any]] = []
    if "ej" in event:
        identifier = {"system": _FINESS, "value": event["finess"]} if "finess" in event else None
        entities.append(
            {
                "what": _clean({"identifier": identifier, "display": f"EJ {event['ej']}"}),
                "type": _coding(_ENTITY, "3", "Organization"),
                "role": _coding(_ROLE, "4", "Domain Resource"),
            }
        )
    details = [
        {"type": name, "valueString": _text(event[name])}
        for name in _DETAILS
        if event.get(name) not in {None, ""}
    ]
    details += [
        {"type": name, "valueString": ",".join(map(str, ids))}
        for name, ids in (event.get("watched") or {}).items()
    ]
    entities.append(
        {
            "type": _coding(_ENTITY, "2", "System Object"),
            "role": _coding(_ROLE, "24", "Query"),
            "detail": details,
        }
    )
    if event.get("request_id"):
        entities.append(
            {
                "what": {"identifier": {"value": event["request_id"]}},
                "type": _coding(
                    "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId"
                ),
            }
        )
    return entities


def _outcome(event: Event) -> tuple[str, str]:
    if event["event"] == "begun":
        return "8", "it began, and nothing says how it ended"
    status = event.get("status", "")
    if status == "OK":
        return "0", ""
    text = " ".join(part for part in (status, event.get("reason", "")) if part)
    return ("8" if status in _BIG else "4"), text


def _id(chain: str, event: Event) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", f"{chain}-{event['sequence']}")[-64:]


def _coding(system: str, code: str, display: str = "") -> dict[str, Any]:
    return _clean({"system": system, "code": code, "display": display})


def _uri(text: str) -> str:
    """Return an issuer as the system of an identifier: its URL, or else a URN made of it."""
    return text if re.fullmatch(r"[a-z][a-z0-9+.-]*:\S+", text) else ""


def _is_uri_part(text: object) -> bool:
    return isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9._~-]{1,128}", text) is not None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _clean(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value not in (None, "", [], {})}
