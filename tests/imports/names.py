"""Makes entries whose names disagree: ids, full URLs, request URLs, searches and numbers."""

from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

from imports.hospital import Hospital, Resource, delete, post, put
from support.exporting import BASE

URN = "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"
FREE = 987_654


class Pair(NamedTuple):
    """Two resources of a kind that are there."""

    first: Resource
    second: Resource

    def search(self, which: Resource) -> str:
        """The search that finds one of them."""
        number = number_of(which)
        return f"identifier={number['system']}|{number['value']}"


def number_of(resource: Resource) -> Resource:
    """The identifier that a resource is found by."""
    found: list[Resource] = resource["identifier"]
    official = [one for one in found if one.get("use") == "official"]
    of_finess = [one for one in found if one["system"] == "https://finess.esante.gouv.fr"]
    return (of_finess if resource["id"].startswith("ej-") else official or found)[-1]


def pair_of(hospital: Hospital, prefix: str) -> Pair:
    found = [one for id_, one in hospital.resources.items() if id_.startswith(f"{prefix}-")]
    first, second, *_ = hospital.plain_patients() if prefix == "pat" else found
    return Pair(deepcopy(first), deepcopy(second))


def with_number(resource: Resource, value: str) -> Resource:
    """A copy with another number."""
    found = deepcopy(resource)
    number_of(found)["value"] = value
    return found


def without_id(resource: Resource) -> Resource:
    return {name: value for name, value in resource.items() if name != "id"}


def _ways(resource: Resource) -> Iterator[tuple[str, str, Resource]]:
    """Yields every way in for a resource that is to be updated: a name, the type of Bundle, the entry."""
    url = f"{BASE}/{resource['resourceType']}/{resource['id']}"
    yield "line", "ndjson", resource
    yield "collection", "collection", {"resource": resource}
    yield "collection with a fullUrl", "collection", {"fullUrl": url, "resource": resource}
    yield "collection with a urn", "collection", {"fullUrl": URN, "resource": resource}
    yield (
        "collection with the id in the fullUrl",
        "collection",
        {
            "fullUrl": url,
            "resource": without_id(resource),
        },
    )
    for type_ in ("transaction", "batch"):
        yield f"PUT in a {type_}", type_, put(resource)
        yield f"PUT with a fullUrl in a {type_}", type_, put(resource, fullUrl=url)
        yield f"PUT with a urn in a {type_}", type_, put(resource, fullUrl=URN)


def by_search(method: str, resource: Resource, search: str, **more: object) -> Resource:
    """An entry with a search."""
    type_ = resource["resourceType"]
    if method == "POST":
        return {
            "resource": resource,
            "request": {"method": "POST", "url": type_, "ifNoneExist": search},
            **more,
        }
    return {"resource": resource, "request": {"method": method, "url": f"{type_}?{search}"}, **more}


def disagreeing(pair: Pair) -> Iterator[tuple[str, str, Resource]]:
    """Yields entries whose names disagree: a name, the type of Bundle, the entry."""
    first, second = pair
    prefix = first["id"].partition("-")[0]
    free = f"{prefix}-{FREE}"
    number_of_nobody = "010000024" if prefix == "ej" else "NOBODY"
    for names, resource in (
        ("id of another", first | {"id": second["id"]}),
        ("id of nobody", first | {"id": free}),
        ("number of nobody", with_number(second, number_of_nobody)),
    ):
        for way, type_, entry in _ways(resource):
            yield f"{names}, {way}", type_, entry
    found = pair.search(first)
    nobody = pair.search(with_number(first, number_of_nobody))
    for method in ("PUT", "POST"):
        of_another = first | {"id": second["id"]}
        with_fullurl = {"fullUrl": f"{BASE}/{first['resourceType']}/{second['id']}"}
        yield f"{method} search and id", "transaction", by_search(method, of_another, found)
        yield (
            f"{method} search and id, with a urn",
            "batch",
            by_search(method, of_another, found, fullUrl=URN),
        )
        entry = by_search(method, without_id(first), found, **with_fullurl)
        yield f"{method} search and fullUrl", "transaction", entry
        yield f"{method} search and number", "transaction", by_search(method, without_id(second), found)
        other = without_id(with_number(first, number_of_nobody))
        yield f"{method} search and number of nobody", "batch", by_search(method, other, found)
        yield f"{method} search of nobody and number", "batch", by_search(method, without_id(first), nobody)
    url = f"{first['resourceType']}/{first['id']}"
    yield "request URL and id", "transaction", put(first) | {"resource": second}
    yield "request URL and fullUrl", "batch", put(first, fullUrl=f"{BASE}/{url}0")
    yield (
        "POST and fullUrl",
        "batch",
        post(with_number(first, number_of_nobody), fullUrl=f"{BASE}/{url}") | {"fullUrl": f"{BASE}/{url}"},
    )
    for names, more in (
        ("fullUrl", {"fullUrl": f"{BASE}/{first['resourceType']}/{second['id']}"}),
        ("id", {"resource": second}),
        ("type", {"resource": {"resourceType": "Location" if prefix != "bed" else "Patient"}}),
    ):
        yield f"DELETE and {names}", "batch", delete(url) | more
        yield (
            f"DELETE by a search and {names}",
            "transaction",
            (delete(f"{first['resourceType']}?{found}") | more),
        )
