"""The plan of a legal entity's structure: entity, site, pôle, service, UF."""

from typing import NamedTuple


class Mode(NamedTuple):
    """The mode of a UF, in the terms of FR Core's UF profile."""

    label: str
    activity_type: str
    field: str
    equipment: str | None
    indicators: frozenset[str]
    requests_acts: bool
    performs_acts: bool
    rate: str | None
    """The rate of the UF's UAC; None if it bills nothing."""


def _mode(
    label: str,
    activity_type: str,
    indicators: str,
    *,
    field: str = "MCO",
    equipment: str | None = None,
    requests: bool = False,
    performs: bool = False,
    rate: str | None = None,
) -> Mode:
    return Mode(
        label, activity_type, field, equipment, frozenset(indicators.split()), requests, performs, rate
    )


MODES = {
    "HC": _mode("hospitalisation complète", "03", "heb soin med", requests=True, rate="11"),
    "CHIR": _mode("hospitalisation complète", "03", "heb soin med", requests=True, rate="12"),
    "OBST": _mode("hospitalisation complète", "03", "heb soin med", requests=True, rate="23"),
    "HDJ": _mode("hôpital de jour", "04", "heb soin med", requests=True, rate="50"),
    "REA": _mode("réanimation", "03", "heb soin med", requests=True, rate="26"),
    "USC": _mode("surveillance continue", "03", "heb soin med", requests=True, rate="20"),
    "UHCD": _mode("hospitalisation de courte durée", "03", "heb soin med", requests=True, rate="11"),
    "SMR": _mode("soins de suite", "03", "heb soin med", field="SMR", requests=True, rate="95"),
    "USLD": _mode("soins de longue durée", "11", "heb soin", field="LG_SJR", equipment="176", requests=True),
    "PSY": _mode("hospitalisation complète", "03", "heb soin med", field="PSY", requests=True, rate="13"),
    "URG": _mode("accueil", "10", "soin med", requests=True, performs=True),
    "CS": _mode("consultations", "07", "med", equipment="727", requests=True, performs=True),
    "BLOC": _mode("bloc opératoire", "08", "tech medicotech", equipment="762", performs=True),
    "IMG": _mode("imagerie", "32", "medicotech", equipment="753", performs=True),
    "LAB": _mode("analyses", "26", "medicotech tech", equipment="64", performs=True),
    "PHA": _mode("pharmacie à usage intérieur", "09", "mag medicotech", equipment="824"),
    "ADM": _mode("admissions", "01", "admin", field="ATR"),
}


class Uf(NamedTuple):
    """A UF: its mode, and the number of beds in each room."""

    mode: str
    rooms: tuple[int, ...] = ()


class Service(NamedTuple):
    """A service. `audience` says who its patients are: adult, child, mother or critical."""

    name: str
    short: str
    discipline: str
    ufs: tuple[Uf, ...]
    audience: str = "adult"


class Pole(NamedTuple):
    """A pôle (or, at the AP-HP, a department) of services."""

    kind: str
    name: str
    short: str
    services: tuple[Service, ...]


class Site(NamedTuple):
    """A site (EG). FINESS, SIRET, category and address are those of the public register."""

    finess: str
    siret: str
    name: str
    short: str
    legal_name: str
    sae_category: str
    address_line: str
    postal_code: str
    city: str
    insee: str
    latitude: float
    longitude: float
    poles: tuple[Pole, ...]
    services: tuple[Service, ...] = ()
    """The services directly below the site."""


class Entity(NamedTuple):
    """A legal entity (EJ). FINESS and SIREN are those of the public register."""

    finess: str
    siren: str
    name: str
    short: str
    legal_name: str
    address_line: str
    postal_code: str
    city: str
    insee: str
    slug: str
    """Its name in e-mail addresses, which are below example.org."""
    root: str
    """The start of its identifier systems."""
    phone: str
    """The first eight characters of its phone numbers, in a range that ARCEP reserves for fiction."""
    sites: tuple[Site, ...]
