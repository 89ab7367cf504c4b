"""The context of an EJ's export as text, to keep it with a rendering and to compare it later."""

import json

from fhirexport_server.fhir.rendering.ej_context import EjContext


def dump(context: EjContext) -> str:
    """Return the text of a context. Equal contexts have equal texts."""
    content = {
        "time_zone": context.time_zone,
        "namespaces": dict(context.namespaces),
        "units": {str(number): kind for number, kind in context.units.items()},
        "places": {str(number): kind for number, kind in context.places.items()},
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def load(text: str, ej_id: int, base_url: str) -> EjContext:
    """Return the context of a text that `dump` has made of one with this EJ and base URL.

    Raises:
        ValueError: `dump` has not made it.
    """
    try:
        content = json.loads(text)
        return EjContext(
            ej_id=ej_id,
            base_url=base_url,
            time_zone=content["time_zone"],
            namespaces=content["namespaces"],
            units={int(number): kind for number, kind in content["units"].items()},
            places={int(number): kind for number, kind in content["places"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError("not the text of a context") from error


def covers(new: EjContext, old: EjContext) -> bool:
    """Return whether a resource of the old context is the same in the new one, if its rows are.

    It is, while the time zone and the systems of numbers are equal, and every unit and place of the old
    context is there with its kind: all references to them are made of these.
    """
    return (
        (new.time_zone, new.namespaces) == (old.time_zone, old.namespaces)
        and new.units.items() >= old.units.items()
        and new.places.items() >= old.places.items()
    )
