"""Patients of the demo: their rows, identifiers and contacts."""

from datetime import date, datetime, timedelta
from typing import NamedTuple

from fhirexport_server.demo.cast import SIBLING, Part, entity
from fhirexport_server.demo.clock import REFERENCE, TODAY
from fhirexport_server.demo.columns import Row, row
from fhirexport_server.demo.dice import Dice
from fhirexport_server.demo.hospitals.entities import ENTITIES
from fhirexport_server.demo.people.name_lists import COMPLEMENTS, FAMILIES, MEN, STREETS, WOMEN
from fhirexport_server.demo.people.traits import HOME, Traits, traits
from fhirexport_server.domain import codes

ADULT = 18
_MARITAL = ("M", "M", "M", "S", "S", "PACS", "D", "W", "T", "L", "UNK")
_METHODS = ("SM", "SM", "CV", "CB", "RFID")
_LOOSE_MODES = ("CN", "PC", "CS", "TC", "CE", "DC")
_STRICT_MODES = ("CN", "CN", "CN", "PA", "AN", "LE")


class Person(NamedTuple):
    """A patient, as far as stays need to know."""

    number: int
    part: Part
    woman: bool
    age: int
    city: str


def person(dice: Dice, seed: int, number: int, part: Part) -> tuple[Person, Traits]:
    """Return a patient, by number; twins and duplicates have the traits of the patient before them."""
    if part.twin == 2 or part.duplicate:  # noqa: PLR2004 - the second of two
        sibling = number - SIBLING
        their_traits = traits(Dice(seed, sibling), seed, sibling)
        if part.twin:
            their_traits = their_traits._replace(given=(dice.pick(WOMEN if their_traits.woman else MEN),))
    else:
        their_traits = traits(dice, seed, number)
    age = (
        TODAY.year
        - their_traits.born.year
        - ((TODAY.month, TODAY.day) < (their_traits.born.month, their_traits.born.day))
    )
    return Person(
        number, part, their_traits.woman, age, dice.pick_early(HOME[entity(number)]).name
    ), their_traits


def patient(dice: Dice, person: Person, their_traits: Traits, died_at: datetime | None) -> Row:
    """Return the row of a patient. `died_at` is when the patient died, if the time is known."""
    part, adult = person.part, person.age >= ADULT
    values = row(
        "patient",
        id=person.number + 1,
        ej_id=entity(person.number) + 1,
        birth_date_precision=part.precision,
        multiple_birth=part.twin or None,
        identity_status=part.status,
        is_homonym=part.homonym,
        is_fictitious=part.fictitious,
        is_doubtful=part.doubtful,
        active=not part.duplicate,
        merged_into_id=person.number + 1 - SIBLING if part.duplicate else None,
        deceased=True if part.dead or died_at else (False if dice.chance(0.5) else None),
        deceased_at=died_at,
        deceased_on_precision="D",
        death_city=ENTITIES[entity(person.number)].city if died_at else None,
    )
    if part.nameless:
        values["gender"] = "U"
        values["used_family"] = "INCONNU"
        return values
    values["gender"] = "F" if their_traits.woman else "M"
    if part.anonymous:
        values.update(birth_family="ANONYME", first_given="X", birth_date=their_traits.born)
        return values
    values.update(
        birth_family="TEST" if part.fictitious else their_traits.family,
        first_given=their_traits.given[0],
        birth_given_names=" ".join(their_traits.given),
        prefix=("MME" if their_traits.woman else "M") if adult else None,
        birth_date=_known(their_traits.born, part.precision),
        birth_date_corrected=True if dice.chance(0.03) else None,
        birth_insee=their_traits.insee,
        birth_city=their_traits.city,
        birth_country=their_traits.country,
        marital_status=dice.pick(_MARITAL) if adult else None,
        nationality="FR" if their_traits.nation == "FR" or dice.chance(0.4) else their_traits.nation,
    )
    _used_name(dice, values, their_traits, adult=adult)
    _reliability(dice, values, part.status, their_traits.born)
    _address(dice, values, person)
    return values


def _known(born: date, precision: str) -> date:
    if precision == "Y":
        return born.replace(month=1, day=1)
    return born.replace(day=1) if precision == "M" else born


def _used_name(dice: Dice, values: Row, their_traits: Traits, *, adult: bool) -> None:
    if adult and their_traits.woman and dice.chance(0.4):
        values["used_family"] = dice.pick_early(FAMILIES)
    if len(their_traits.given) > 1 and dice.chance(0.1):
        values["used_given"] = their_traits.given[1]


def _reliability(dice: Dice, values: Row, status: str | None, born: date) -> None:
    if status is None:
        return
    collected = _day_of_life(dice, born)
    values["identity_collected_on"] = collected
    if status == "VALI":
        values["identity_method"] = "INSI"
        values["identity_validated_on"] = min(collected + timedelta(days=dice.below(40)), TODAY)
        values["identity_validation_mode"] = dice.pick(_STRICT_MODES)
    else:
        values["identity_method"] = dice.pick(_METHODS)
        if dice.chance(0.3):
            values["identity_validated_on"] = collected
            values["identity_validation_mode"] = dice.pick(_LOOSE_MODES)


def _day_of_life(dice: Dice, born: date) -> date:
    """Return a day in the life of a person, within the last ten years."""
    return TODAY - timedelta(days=dice.below(min((TODAY - born).days, 3650)))


def _address(dice: Dice, values: Row, person: Person) -> None:
    if dice.chance(0.01):
        values.update(address_line="4 rue du Lac", postal_code="1207", city="Genève", country="CHE")
    elif dice.chance(0.96):
        commune = dice.pick_early(HOME[entity(person.number)])
        values.update(
            address_line=f"{dice.between(1, 120)} {dice.pick(STREETS)}",
            address_line2=dice.pick(COMPLEMENTS) if dice.chance(0.15) else None,
            postal_code=commune.postal_code,
            city=commune.name,
            insee_code=commune.insee,
            country="FRA",
        )
    if dice.chance(0.4):
        values["phone_home"] = f"+3346571{dice.below(10_000):04}"
    if dice.chance(0.8):
        values["phone_mobile"] = f"+3363998{dice.below(10_000):04}"
    if person.age >= ADULT and dice.chance(0.1):
        values["phone_work"] = f"+3319900{dice.below(10_000):04}"
    if person.age >= ADULT and dice.chance(0.5):
        name = f"{values['first_given']}.{values['birth_family']}".lower()
        plain = name.replace(" ", "-").replace("'", "")
        values["email"] = f"{plain}.{person.number + 1}@example.org"


def identifiers(dice: Dice, person: Person, their_traits: Traits) -> list[Row]:
    """Return the identifiers of a patient: INS first, then the IPP of the legal entity, then the others."""
    part, ej_index = person.part, entity(person.number)
    root = ENTITIES[ej_index].root
    ipp = f"{root}20" if root.startswith("urn:oid:") else f"{root}ipp"
    assigned = _day_of_life(dice, their_traits.born)
    entries: list[tuple[str, str, str, str, date | None, date | None]] = []
    if part.ins is not None:
        system = codes.PATIENT_IDENTIFIER_SYSTEM[part.ins]
        entries.append((part.ins, "official", system, their_traits.matricule, None, None))
    use = "temp" if part.nameless or part.anonymous else "usual"
    entries.append(("IPP", use, ipp, f"8{person.number + 1:09}", assigned, None))
    if part.old_number:
        old_number = f"7{person.number + 1:09}"
        entries.append(
            ("IPP", "old", ipp, old_number, max(assigned - timedelta(days=900), their_traits.born), assigned)
        )
    if part.other == "RRI":
        entries.append(
            ("RRI", "secondary", "https://region.example.org/sid/rri", f"R{person.number}", None, None)
        )
    elif part.other is not None:
        system = codes.PATIENT_IDENTIFIER_SYSTEM[part.other]
        length = 22 if part.other == "INS-C" else 18
        entries.append((part.other, "secondary", system, f"{person.number + 1:0{length}}", None, None))
    return [
        {
            "patient_id": person.number + 1,
            "seq": seq,
            "kind": kind,
            "use_code": use_code,
            "system": system,
            "value": value,
            "assigned_on": assigned_on,
            "ended_on": ended_on,
            "ej_id": ej_index + 1,
        }
        for seq, (kind, use_code, system, value, assigned_on, ended_on) in enumerate(entries, start=1)
    ]


_KIN = (("WIFE", WOMEN), ("HUSB", MEN), ("DAU", WOMEN), ("SON", MEN), ("SIS", WOMEN), ("BRO", MEN))
_PARENTS = (("MTH", WOMEN), ("FTH", MEN))
_ROLES = ("ECON", "QUAL", "ECON", "CAREGIVER")


def contacts(dice: Dice, person: Person, their_traits: Traits) -> list[Row]:
    """Return the contacts of a patient, as many as their part has."""
    return [_contact(dice, person, their_traits, seq) for seq in range(1, person.part.contacts + 1)]


def _contact(dice: Dice, person: Person, their_traits: Traits, seq: int) -> Row:
    adult = person.age >= ADULT
    relation, names = dice.pick(_KIN) if adult else dice.pick(_PARENTS)
    role = dice.pick(_ROLES) if adult else "GUARD"
    guardian = adult and dice.chance(0.03)
    by_phone = dice.chance(0.9)
    return {
        "patient_id": person.number + 1,
        "seq": seq,
        "role_code": "TUTEUR" if guardian else role,
        "relation_code": None if guardian or dice.chance(0.1) else relation,
        "family": their_traits.family if dice.chance(0.6) else dice.pick_early(FAMILIES),
        "given": dice.pick_early(names).title() if dice.chance(0.9) else None,
        "phone": f"+3363998{dice.below(10_000):04}" if by_phone else None,
        "email": None if by_phone else f"contact.{person.number + 1}.{seq}@example.org",
        "address_line": f"{dice.between(1, 120)} {dice.pick(STREETS)}" if dice.chance(0.2) else None,
        "postal_code": None,
        "city": person.city if dice.chance(0.3) else None,
        "ej_id": entity(person.number) + 1,
    }


def dies_later(dice: Dice, ended: datetime) -> datetime:
    """Return a moment between the end of a stay and the present of the demo."""
    minutes = int((REFERENCE - ended).total_seconds()) // 60
    return ended + timedelta(minutes=dice.below(max(minutes, 1)))
