"""Addresses and contact points of any row."""

from collections.abc import Sequence
from typing import Final

from fhirexport_server.fhir.codings import fr_definition, nos_system
from fhirexport_server.fhir.model import Address, Coding, ContactPoint, Extension

_INSEE_CODE: Final = fr_definition("fr-core-address-insee-code")
_COMMUNE: Final = nos_system("TRE_R13-CommuneOM")


def address(
    *,
    use: str | None = None,
    lines: Sequence[str | None] = (),
    city: str | None = None,
    postal_code: str | None = None,
    country: str | None = None,
    insee_code: str | None = None,
) -> Address | None:
    """A postal address; None if every part is absent. `country` is ISO 3166-1 alpha-3."""
    line = [text for text in lines if text is not None]
    if not line and city is None and postal_code is None and country is None and insee_code is None:
        return None
    return Address(
        extension=None if insee_code is None else (_insee(insee_code),),
        use=use,
        line=line or None,
        city=city,
        postal_code=postal_code,
        country=country,
    )


def _insee(code: str) -> Extension:
    return Extension(url=_INSEE_CODE, value_coding=Coding(system=_COMMUNE, code=code))


def telecom(*points: tuple[str, str | None, str | None]) -> list[ContactPoint] | None:
    """Contact points, given as (system, value, use); those without a value are left out."""
    return [
        ContactPoint(system=system, value=value, use=use)
        for system, value, use in points
        if value is not None
    ] or None
