"""A cursor over a JSON object that knows its path, checks JSON types, and reports what was not read.

Reading removes a property from the element. What is left at the end would be lost, so it is reported.
Source: FHIR R4, JSON representation (no nulls, nothing empty); FHIRPath for the paths.
"""

from collections.abc import Sequence
from typing import Any, Final

from fhirexport_server.fhir.reading.json.problems import Problem, Problems, Severity
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext

JsonObject = dict[str, Any]
_MISSING: Final = object()
_NOT_KEPT: Final = "is not kept: this service has no place for it"
# Modifiers: who does not understand them must refuse the resource (FHIR R4, extensibility and resource).
_MODIFIERS: Final = {"modifierExtension", "implicitRules"}


class Scope:
    """What the elements of one resource share."""

    __slots__ = ("base", "context", "entry", "opened", "path", "problems")

    def __init__(
        self, context: ReadingContext, problems: Problems, entry: int | None, path: str, base: str | None
    ) -> None:
        self.context = context
        self.problems = problems
        self.entry = entry
        self.path = path
        """The path of the resource."""
        self.base = base
        """The base URL of relative references, without a final slash; None for this server."""
        self.opened: list[Element] = []


class Element:
    """A JSON object of a resource, without the properties that were read. It works on a copy."""

    __slots__ = ("_index", "_name", "_parent", "_unread", "scope")

    def __init__(
        self, json: JsonObject, scope: Scope, parent: "Element | None" = None, name: str = "", index: int = -1
    ) -> None:
        self._unread = json.copy()
        self._parent = parent
        self._name = name
        self._index = index
        self.scope = scope
        scope.opened.append(self)

    # --- paths and problems --------------------------------------------------------------------------

    def within(self, name: str) -> str:
        """The path of a property below the resource, such as `identifier[0].value`."""
        if self._parent is None:
            return name
        step = self._name if self._index < 0 else f"{self._name}[{self._index}]"
        return self._parent.within(f"{step}.{name}" if name else step)

    def path(self, name: str = "") -> str:
        """The whole path of a property, or of this element."""
        path, within = self.scope.path, self.within(name)
        return f"{path}.{within}" if path and within else path or within

    def error(self, name: str, text: str) -> None:
        """Report an error in a property; an empty name stands for this element."""
        self._add(Severity.ERROR, name, text)

    def warning(self, name: str, text: str) -> None:
        """Report that a property is not kept, or should be checked."""
        self._add(Severity.WARNING, name, text)

    @property
    def errors(self) -> int:
        """The number of errors so far, in the whole import."""
        return self.scope.problems.errors

    def _add(self, severity: Severity, name: str, text: str) -> None:
        scope = self.scope
        if scope.problems.count(severity, scope.entry):
            scope.problems.add(Problem(scope.entry, self.path(name), severity, text))

    # --- properties ----------------------------------------------------------------------------------

    def __contains__(self, name: str) -> bool:
        return name in self._unread

    def peek(self, name: str) -> object:
        """A property, without reading it; None if it is absent."""
        return self._unread.get(name)

    def peek_in(self, name: str, inner: str) -> object:
        """A property of a property, without reading it; None if either is absent."""
        value = self._unread.get(name)
        return value.get(inner) if isinstance(value, dict) else None

    def unread(self) -> JsonObject:
        """The properties that were not read yet."""
        return self._unread

    def skip(self, *names: str) -> None:
        """Read properties without using them."""
        for name in names:
            self._unread.pop(name, None)

    def replace(self, name: str, value: str) -> None:
        """Replace the value of a property that is still to be read."""
        self._unread[name] = value

    def drop(self, text: str = _NOT_KEPT) -> None:
        """Discard the whole element, with one warning."""
        self._unread.clear()
        self.warning("", text)

    def refuse(self, text: str) -> None:
        """Discard the whole element, with one error."""
        self._unread.clear()
        self.error("", text)

    def string(self, name: str, *, needed: bool = False) -> str | None:
        """A string property; None if it is absent or refused."""
        value = self._unread.pop(name, _MISSING)
        if isinstance(value, str) and value:
            return value
        self._refuse(name, value, "a string that is not empty", needed=needed)
        return None

    def boolean(self, name: str, *, needed: bool = False) -> bool | None:
        """A boolean property; None if it is absent or refused."""
        value = self._unread.pop(name, _MISSING)
        if isinstance(value, bool):
            return value
        self._refuse(name, value, "true or false", needed=needed)
        return None

    def integer(self, name: str, first: int, last: int, *, needed: bool = False) -> int | None:
        """An integer property; one outside the range is left out."""
        value = self._unread.pop(name, _MISSING)
        if not isinstance(value, int) or isinstance(value, bool):
            self._refuse(name, value, "a whole number", needed=needed)
            return None
        if first <= value <= last:
            return value
        self.warning(name, f"is not kept: only numbers from {first} to {last} are")
        return None

    def decimal(self, name: str, first: int, last: int) -> float | None:
        """A required number; one outside the range is left out."""
        value = self._unread.pop(name, _MISSING)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self._refuse(name, value, "a number", needed=True)
            return None
        if first <= value <= last:
            return float(value)
        self.warning(name, f"is not kept: only numbers from {first} to {last} are")
        return None

    def strings(self, name: str) -> Sequence[str]:
        """An array of strings; each item that is not a string is an error.

        Where a string has only extensions, which stand beside it, FHIR writes null.
        """
        strings = []
        only_extensions = isinstance(self._unread.get(f"_{name}"), list)
        for index, value in enumerate(self._array(name)):
            if isinstance(value, str) and value:
                strings.append(value)
            elif value is not None or not only_extensions:
                self.error(f"{name}[{index}]", "must be a string that is not empty")
        return strings

    def child(self, name: str, *, needed: bool = False) -> "Element | None":
        """A property that is an object; None if it is absent or refused."""
        value = self._unread.pop(name, _MISSING)
        if isinstance(value, dict) and value:
            return Element(value, self.scope, self, name)
        self._refuse(name, value, "an object that is not empty", needed=needed)
        return None

    def children(self, name: str, *, needed: bool = False) -> "Sequence[Element]":
        """An array of objects; each item that is not an object is an error."""
        if needed and name not in self._unread:
            self.error(name, "is required")
        return [Element(value, self.scope, self, name, index) for index, value in self.objects(name)]

    def objects(self, name: str) -> Sequence[tuple[int, JsonObject]]:
        """Like `children`, but the JSON objects themselves, each with its index."""
        objects = []
        for index, value in enumerate(self._array(name)):
            if isinstance(value, dict) and value:
                objects.append((index, value))
            else:
                self.error(f"{name}[{index}]", "must be an object that is not empty")
        return objects

    def only_child(self, name: str) -> "Element | None":
        """The only object of an array; any others are errors."""
        children = self.children(name)
        for other in children[1:]:
            other.refuse("is one too many: there is one at most")
        return children[0] if children else None

    def _array(self, name: str) -> Sequence[object]:
        value = self._unread.pop(name, _MISSING)
        if value is _MISSING:
            return ()
        if isinstance(value, list) and value:
            return value
        self.error(name, "must be an array that is not empty")
        return ()

    def _refuse(self, name: str, value: object, rule: str, *, needed: bool) -> None:
        if value is not _MISSING:
            self.error(name, f"must be {rule}")
        elif needed:
            self.error(name, "is required")

    # --- what was not read ---------------------------------------------------------------------------

    def report_unread(self) -> None:
        """Report every property of the resource that was not read, in any of its elements."""
        for element in self.scope.opened:
            element.report()
        self.scope.opened.clear()

    def abandon(self) -> None:
        """Discard the whole resource, without reporting what was not read."""
        self.scope.opened.clear()

    def report(self) -> None:
        """Report every property of this element that was not read."""
        for name in self._unread:
            if name in _MODIFIERS:
                self.error(name, "must not be there: it changes what the rest means, and is not known here")
            elif name[:1] == "_" and name[1:]:
                self.warning(name[1:], "has an id or extensions, which are not kept")
            else:
                self.warning(_spelled(name), _NOT_KEPT)


def _spelled(name: str) -> str:
    """Return the name for a path; one that FHIR cannot have may be anything, so it is not repeated."""
    return name if name.isascii() and name.isalnum() and len(name) <= 40 else "<unknown>"  # noqa: PLR2004 - longer than any element of R4
