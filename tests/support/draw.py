"""Draws single values for generated hospitals: awkward on purpose, but admitted by the store."""

import string
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import TypeVar

T = TypeVar("T")
Row = dict[str, object]

# What breaks careless code: JSON's and XML's own characters, line ends that are none in NDJSON, blanks
# that are not ASCII, marks that join or reverse, characters of two UTF-16 units, the ends of ranges.
_PIECES = (
    *("MARTIN", "Hélène", "d'Août", "de la Tour", "n° 12", "Œuvre", "a", "7", "É", "ﬀ", "ß", "Łódź"),
    *('"', "\\", "</script>", "&amp;", "{}", "%s", "\\u0000", "${x}", "--", ";", "'", "`", "|", "^", "~"),
    *(
        "e\u0301",
        "日本語",
        "עברית",
        "\u202eabc",
        "👩\u200d⚕️",
        "🏥",
        "\U0010ffff",
        "\uffff",
        "\ufffd",
        "\ue000",
    ),
    *(
        "x\u00a0y",
        "x\u2028y",
        "x\u2029y",
        "x\u0085y",
        "x\u0080y",
        "\ufeffx",
        "x\u3000",
        "\u200bx",
        "x\u2003y",
    ),
)
_VISIBLE = "".join(chr(code) for code in range(0x21, 0x7F))
_DAYS = (date(1850, 1, 1), date(2199, 12, 31), date(2000, 2, 29), date(1911, 3, 10), date(1900, 3, 1))
_INSTANTS = (
    datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),  # summer time begins
    datetime(2026, 3, 29, 1, 0, 0, tzinfo=UTC),
    datetime(2025, 10, 26, 0, 30, 0, tzinfo=UTC),  # the hour that comes twice
    datetime(2025, 10, 26, 1, 30, 0, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(1850, 1, 1, 0, 0, 0, tzinfo=UTC),
    datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2026, 1, 10, 17, 0, 0, tzinfo=UTC),
)
SYSTEMS = (
    "urn:oid:2.999.1.2",
    "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
    "https://chu.example.org/sid/numéros".replace("é", "%C3%A9"),
    "http://example.org/a?b=c&d='e'#f",
    "tag:example.org,2026:x",
    "x+y.z-1:a",
)


class Draw:
    """Draws values of the kinds that the columns hold.

    `generous` draws any number of rows as often as any other; else few are likelier, so that a
    hospital fits into what hypothesis can shrink.
    """

    def __init__(self, random: Random, *, generous: bool = True) -> None:
        self.random = random
        self.generous = generous
        self.taken: set[object] = set()

    def pick(self, choices: Iterable[T]) -> T:
        return self.random.choice(tuple(choices))

    def chance(self, one_in: int) -> bool:
        return self.random.randrange(one_in) == 0

    def count(self, most: int) -> int:
        """Draws how many rows there are: 0 … most."""
        return self.random.randint(0, most if self.generous else self.random.randint(0, most))

    def label(self, longest: int = 100) -> str:
        """Draws text for a person to read: one line, something visible in it."""
        if self.chance(30):
            return "é" * longest
        pieces = [self.pick(_PIECES) for _ in range(self.random.randint(1, 3))]
        return self.pick(("", " ", "-")).join(pieces)[:longest].strip()

    def digits(self, length: int) -> str:
        return f"{self.random.randrange(10**length):0{length}}"

    def finess(self) -> str:
        return self.digits(1) + self.pick("0123456789AB") + self.digits(7)

    def insee(self) -> str:
        return self.digits(1) + self.pick("0123456789AB") + self.digits(3)

    def letters(self, length: int) -> str:
        return "".join(self.pick(string.ascii_uppercase) for _ in range(length))

    def day(self) -> date:
        if self.chance(4):
            return self.pick(_DAYS)
        return date(1920, 1, 1) + timedelta(days=self.random.randrange(40_000))

    def instant(self) -> datetime:
        """Draws an instant; often one that others have too, or one close to it."""
        base = self.pick(_INSTANTS)
        if base.year not in range(1900, 2100) or self.chance(3):
            return base
        return base + timedelta(seconds=self.random.randrange(-500_000, 500_000))

    def period(self, first: str, last: str) -> Row:
        """Draws both ends, one or none; the last is not before the first."""
        days = sorted((self.day(), self.day()))
        return {first: days[0] if self.chance(2) else None, last: days[1] if self.chance(2) else None}

    def flag(self) -> bool:
        return self.random.random() < 0.5

    def id(self, table: str) -> int:
        """Draws a key that no other row of the table has."""
        key = self.random.randint(1, 2**40 if self.chance(8) else 500)
        while (table, key) in self.taken:
            key += 1
        self.taken.add((table, key))
        return key

    def number(self, scope: object) -> str:
        """Draws a business number that is not taken in its scope."""
        base = self.label(50) if self.chance(4) else "".join(self.pick(_VISIBLE) for _ in range(3))
        value, suffix = base, 0
        while (scope, value) in self.taken:
            suffix += 1
            value = f"{base}{suffix}"
        self.taken.add((scope, value))
        return value

    def some(self, makers: dict[str, Callable[[], object]]) -> Row:
        """Draws which of these optional columns are filled, and with what: none, all or any of them."""
        style = self.random.randrange(4)
        mask = self.random.getrandbits(len(makers)) if style > 1 else -style
        return {name: make() for bit, (name, make) in enumerate(makers.items()) if mask >> bit & 1}

    def label_of(self, longest: int) -> Callable[[], str]:
        return lambda: self.label(longest)

    def one_of(self, choices: Iterable[T]) -> Callable[[], T]:
        return lambda: self.pick(choices)

    def named(self, rows: Sequence[Row], *kinds: str) -> Callable[[], object]:
        """Draws the id of one of the rows, of these kinds as a rule; None where there is no row."""
        fitting = [one["id"] for one in rows if one.get("kind") in kinds]
        everything = [one["id"] for one in rows]

        def draw() -> object:
            ids = fitting if fitting and not self.chance(6) else everything
            return self.pick(ids) if ids else None

        return draw

    def address(self) -> dict[str, Callable[[], object]]:
        return {
            "address_line": self.label_of(200),
            "address_line2": self.label_of(200),
            "postal_code": self.label_of(20),
            "city": self.label_of(100),
            "insee_code": self.insee,
            "country": lambda: self.letters(3),
        }
