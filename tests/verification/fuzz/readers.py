"""What reads imports: Bundles and lines of NDJSON. It reads or refuses, whatever comes."""

import json
from random import Random

from fhir_reading.gathering import drafts, gather, read
from fhir_reading.hospital_rows import BASE
from fhir_reading.mutants import resources
from fhirexport_server.fhir.reading.bundles.bundle import bundle, line
from fhirexport_server.fhir.reading.json.problems import Problems
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext
from fhirexport_server.fhir.reading.json.strict_json import MalformedJsonError
from verification.fuzz.changing import changed, written
from verification.siege.messages import mutated

_CONTEXT = ReadingContext(BASE)
_METHODS = ("POST", "PUT", "DELETE", "PATCH", "")
_URLS = ("Patient", "Patient/1")


def bundles(random: Random) -> str:
    """Read a Bundle of resources that are nearly right."""
    problems = Problems()
    try:
        found = bundle(_bundle(random), _CONTEXT, problems)
    except MalformedJsonError:
        return "malformed"
    if found is None:
        return "refused" if problems.errors else "nothing"
    read(found, _CONTEXT, problems)
    return "with errors" if problems.errors else "read"


def lines(random: Random) -> str:
    """Read some lines of NDJSON, then what they say together."""
    problems = Problems()
    found = []
    for place in range(random.randint(1, 6)):
        one = line(_line(random), place, _CONTEXT, problems)
        if one is not None:
            found.append(one)
    if not found:
        return "refused"
    gather(drafts(found, _CONTEXT, problems), problems)
    return "with errors" if problems.errors else "read"


def _resource(random: Random) -> object:
    resource = json.loads(random.choice(resources()))
    return changed(resource, random) if random.random() < 2 / 3 else resource


def _line(random: Random) -> bytes:
    content = written(_resource(random))
    return mutated(content, random) if random.random() < 1 / 4 else content


def _bundle(random: Random) -> bytes:
    entries = []
    for number in range(random.randint(0, 5)):
        url = f"urn:uuid:{number:08x}-0000-4000-8000-000000000000"
        entry = {"fullUrl": url, "resource": _resource(random)}
        if random.random() < 1 / 2:
            entry["request"] = {"method": random.choice(_METHODS), "url": random.choice(_URLS)}
        entries.append(entry)
    kind = random.choice(("transaction", "batch", "collection", "document", None))
    made = {"resourceType": "Bundle", "type": kind, "entry": entries}
    if random.random() < 1 / 3:
        made = changed(made, random)
    content = written(made)
    return mutated(content, random) if random.random() < 1 / 4 else content
