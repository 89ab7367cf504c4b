"""Shows that the two kinds of client offer the same: names, parameters and what is said of them."""

import inspect
from collections.abc import Callable

import fhirexport
import pytest

TWINS = (
    (fhirexport.Client, fhirexport.AsyncClient),
    (fhirexport.Export, fhirexport.AsyncExport),
    (fhirexport.Cache, fhirexport.AsyncCache),
    (fhirexport.Imports, fhirexport.AsyncImports),
    (fhirexport.Watch, fhirexport.AsyncWatch),
)
OWN_WORDS = {
    "AsyncClient": "of threads, or of an event loop",
    "AsyncImports.bundle": "refers to the other",
    "AsyncImports.resources": "refers to the other, and takes an async iterator too",
}
"""What the asynchronous one says in its own words, with the reason."""


@pytest.mark.parametrize(("plain", "asynchronous"), TWINS, ids=lambda twin: twin.__name__)
def test_they_have_the_same_methods(plain: type, asynchronous: type) -> None:
    assert _methods(plain).keys() == _methods(asynchronous).keys()


@pytest.mark.parametrize(("plain", "asynchronous"), TWINS, ids=lambda twin: twin.__name__)
def test_they_take_the_same_parameters(plain: type, asynchronous: type) -> None:
    for name, method in _methods(plain).items():
        assert _parameters(_methods(asynchronous)[name]) == _parameters(method), name
    assert _parameters(asynchronous) == _parameters(plain)


@pytest.mark.parametrize(("plain", "asynchronous"), TWINS, ids=lambda twin: twin.__name__)
def test_they_say_the_same(plain: type, asynchronous: type) -> None:
    said = {plain.__name__: plain.__doc__} | {
        name: method.__doc__ for name, method in _methods(plain).items()
    }
    different = []
    for name, text in said.items():
        other = asynchronous if name == plain.__name__ else _methods(asynchronous)[name]
        label = asynchronous.__name__ if name == plain.__name__ else f"{asynchronous.__name__}.{name}"
        assert text
        if other.__doc__ != text:
            different.append(label)
    assert different == [label for label in OWN_WORDS if label.partition(".")[0] == asynchronous.__name__]


def _methods(kind: type) -> dict[str, Callable[..., object]]:
    plain = {"__iter__": "__aiter__"}
    methods = inspect.getmembers(kind, inspect.isfunction)
    names = {plain.get(name, name): method for name, method in methods}
    return {name: method for name, method in names.items() if name == "__aiter__" or not name.startswith("_")}


def _parameters(method: Callable[..., object]) -> list[tuple[str, object, object]]:
    parameters = inspect.signature(method).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in parameters]
