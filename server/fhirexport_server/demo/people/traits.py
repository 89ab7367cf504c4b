"""The traits of invented people: what the INS matricule is made of, and the names."""

from datetime import date
from typing import NamedTuple

from stdnum.fr import nir

from fhirexport_server.demo.cast import entity
from fhirexport_server.demo.dice import Dice
from fhirexport_server.demo.people.communes import ABROAD, AIN, CORSICA, OVERSEAS, PARIS, Commune
from fhirexport_server.demo.people.name_lists import FAMILIES, MEN, WOMEN

HOME: tuple[tuple[Commune, ...], ...] = (AIN, PARIS, CORSICA)
"""The communes in which the patients of each legal entity live."""
# A matricule holds sex, year, month, birth place and order of birth. _STEP visits every combination of the
# four others before one repeats. In the next round, each combination has another birth place: places are in
# fifths, and the combination and the round decide the fifth.
_ORDERS, _YEARS, _MONTHS, _ROUNDS = 999, 100, 12, 5
_COMBINATIONS = 2 * _MONTHS * _YEARS * _ORDERS
_STEP = 1_481_863
MOST_PATIENTS = _COMBINATIONS * _ROUNDS
"""The number of distinct matricules."""
_FIRST_YEAR = 1926
_ORIGINS = ("home",) * 14 + ("elsewhere",) * 3 + ("abroad",) * 2 + ("overseas",)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Traits(NamedTuple):
    """A person's strict traits, and the order of birth that completes the matricule."""

    woman: bool
    born: date
    order: int
    insee: str
    city: str
    country: str
    nation: str
    family: str
    given: tuple[str, ...]

    @property
    def matricule(self) -> str:
        """The 15 characters of the INS matricule."""
        number = f"{2 if self.woman else 1}{self.born:%y%m}{self.insee}{self.order:03}"
        return number + nir.calc_check_digits(number)


def traits(dice: Dice, seed: int, number: int) -> Traits:
    """Return the traits of a patient, by number; no draw may have been taken from `dice` before."""
    combination = (number * _STEP + seed * _ORDERS) % _COMBINATIONS
    fifth = (combination + number // _COMBINATIONS) % _ROUNDS
    rest, order = divmod(combination, _ORDERS)
    rest, year = divmod(rest, _YEARS)
    woman, month = divmod(rest, _MONTHS)
    born = date(_FIRST_YEAR + year, month + 1, dice.between(1, _DAYS[month]))
    names = WOMEN if woman else MEN
    first = dice.pick_early(names)
    others = (dice.pick(names) for _ in range(dice.below(3)))
    insee, city, country, nation = _birth_place(dice, number, fifth)
    return Traits(
        bool(woman),
        born,
        order + 1,
        insee,
        city,
        country,
        nation,
        dice.pick_early(FAMILIES),
        tuple(dict.fromkeys((first, *others))),
    )


def _birth_place(dice: Dice, number: int, fifth: int) -> tuple[str, str, str, str]:
    """Return a birth place: INSEE code, city, and country code of three and of two letters."""
    origin = dice.pick(_ORIGINS)
    if origin == "abroad":
        country = dice.pick_early(ABROAD[fifth::_ROUNDS])
        return country.insee, country.city, country.alpha3, country.alpha2
    communes = HOME[entity(number)]
    if origin == "overseas":
        communes = OVERSEAS
    elif origin == "elsewhere":
        communes = dice.pick(HOME)
    commune = dice.pick_early(communes[fifth::_ROUNDS])
    return commune.insee, commune.name, "FRA", "FR"
