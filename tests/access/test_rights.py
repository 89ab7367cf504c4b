"""Shows which texts are rights, what each grants, and that all others are refused with what to write."""

import pytest
from fhirexport_server.access.right import Action, EjName, RightError, parse
from fhirexport_server.domain.datasets import Dataset

STRUCTURE, PATIENTS, VENUES = Dataset
FINESS = "010780054"
RIGHTS: dict[str, tuple[Action, set[Dataset | None], EjName]] = {
    "export:structure:*": (Action.EXPORT, {STRUCTURE}, None),
    "export:patients:ej:010780054": (Action.EXPORT, {PATIENTS}, FINESS),
    "export:venues:ej:2A0000014": (Action.EXPORT, {VENUES}, "2A0000014"),
    "export:patients:ej:id:1": (Action.EXPORT, {PATIENTS}, 1),
    "export:*:ej:id:750000001": (Action.EXPORT, set(Dataset), 750_000_001),
    "export:*:*": (Action.EXPORT, set(Dataset), None),
    "watch:venues:ej:010780054": (Action.WATCH, {VENUES}, FINESS),
    "watch:*:*": (Action.WATCH, set(Dataset), None),
    "import:ej:010780054": (Action.IMPORT, {None}, FINESS),
    "import:ej:id:9223372036854775807": (Action.IMPORT, {None}, 2**63 - 1),
    "import:*": (Action.IMPORT, {None}, None),
    "cache:read": (Action.CACHE_READ, {None}, None),
    "cache:read:ej:id:7": (Action.CACHE_READ, {None}, 7),
    "cache:admin": (Action.CACHE_ADMIN, {None}, None),
    "cache:admin:ej:010780054": (Action.CACHE_ADMIN, {None}, FINESS),
}


@pytest.mark.parametrize("text", RIGHTS)
def test_a_right_is_what_it_says(text: str) -> None:
    right = parse(text)
    assert (right.action, set(right.datasets), right.ej) == RIGHTS[text]
    assert right.text == text


WRONG = {
    "": "must begin with export:",
    "*": "must begin with export:",
    "exports:structure:*": "must begin with export:",
    "EXPORT:structure:*": "must begin with export:",
    " export:structure:*": "must begin with export:",
    "export:structure:*\n": "must begin with export:",
    "export": "must name a dataset",
    "export:": "must name a dataset",
    "export:*": "must name a legal entity",
    "export:structures:*": "structure, patients, venues",
    "export:PATIENTS:*": "structure, patients, venues",
    "export:structure,patients:*": "structure, patients, venues",
    "export:ej:010780054": "structure, patients, venues",
    "export:patients:010780054": "ej:010780054 for a FINESS number",
    "export:patients:ej:*": "ej:010780054 for a FINESS number",
    # Nine digits may be an id as well, and a spreadsheet makes eight of 010780054: an id is always marked.
    "export:patients:ej:1": "ej:id:1 for an id",
    "export:patients:ej:10780054": "ej:id:1 for an id",
    "export:patients:ej:id:0": "ej:id:1 for an id",
    "export:patients:ej:id:01": "ej:id:1 for an id",
    "export:patients:ej:id:-1": "ej:id:1 for an id",
    "export:patients:ej:id:9223372036854775808": "ej:id:1 for an id",
    "export:patients:ej:id:\u0661": "ej:id:1 for an id",
    "export:patients:ej:2a0000014": "FINESS",
    "export:patients:ej:010780054 ": "FINESS",
    "export:patients:ej:010780054:ej:id:1": "FINESS",
    "watch": "must name a dataset",
    "watch:*": "must name a legal entity",
    "import": "must name a legal entity",
    "import:patients:*": "must name a legal entity",
    "cache": "must begin with export:",
    "cache:*": "must begin with export:",
    "cache:read:*": "cache:read or cache:read:ej:010780054",
    "cache:admin:": "cache:admin or cache:admin:ej:010780054",
    "cache:administer": "must begin with export:",
}


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_right_is_refused_with_what_to_write(text: str) -> None:
    with pytest.raises(RightError) as refused:
        parse(text)
    assert WRONG[text] in str(refused.value)


def test_who_may_export_may_watch_and_who_looks_after_the_cache_may_read_it_and_no_more() -> None:
    includes = {
        action: {kind[0] for kind in parse(text).kinds}
        for action, text in {
            Action.EXPORT: "export:patients:*",
            Action.WATCH: "watch:patients:*",
            Action.IMPORT: "import:*",
            Action.CACHE_READ: "cache:read",
            Action.CACHE_ADMIN: "cache:admin",
        }.items()
    }
    assert includes == {
        Action.EXPORT: {Action.EXPORT, Action.WATCH},
        Action.WATCH: {Action.WATCH},
        Action.IMPORT: {Action.IMPORT},
        Action.CACHE_READ: {Action.CACHE_READ},
        Action.CACHE_ADMIN: {Action.CACHE_ADMIN, Action.CACHE_READ},
    }
