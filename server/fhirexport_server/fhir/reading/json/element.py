"""Owns the cursor over a JSON object: it knows its path, checks JSON types, and knows what nobody has read.

Reading takes a property away; what is left in any element of a resource at the end is what would
otherwise be lost in silence.
Source: FHIR R4, JSON representation (no nulls, nothing empty); FHIRPath for the paths.
"""

from collections.abc import Sequence
from typing import Any, Final

from fhirexport_server.fhir.reading.json.problems import Problem, Problems, Severity
from fhirexport_server.fhir.reading.json.reading_context import ReadingContext

JsonObject = dict[str, Any]
_MISSING: Final = object()
_NOT_KEPT: Final = "is not kept: this service has no place for it"
# Modifiers: whoever does not know what they say must not go on (FHIR R4, extensibility and resource).
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
        """Of the resource."""
        self.base = base
        """Where relative references lead, without a slash at its end; None for this server."""
        self.opened: list[Element] = []


class Element:
    """A JSON object of a resource, as far as nothing has read it yet. The object itself is not changed."""

    __slots__ = ("_index", "_left", "_name", "_parent", "scope")

    def __init__(
        self, json: JsonObject, scope: Scope, parent: "Element | None" = None, name: str = "", index: int = -1
    ) -> None:
        self._left = json.copy()
        self._parent = parent
        self._name = name
        self._index = index
        self.scope = scope
        scope.opened.append(self)

    # --- where ---------------------------------------------------------------------------------------

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
        """Say that a property (this element for an empty name) cannot be accepted."""
        self._tell(Severity.ERROR, name, text)

    def warning(self, name: str, text: str) -> None:
        """Say that a property is not kept, or is to be looked at."""
        self._tell(Severity.WARNING, name, text)

    @property
    def errors(self) -> int:
        """How many errors there were before, of any element of the import."""
        return self.scope.problems.errors

    def _tell(self, severity: Severity, name: str, text: str) -> None:
        scope = self.scope
        if scope.problems.wants(severity, scope.entry):
            scope.problems.add(Problem(scope.entry, self.path(name), severity, text))

    # --- what ----------------------------------------------------------------------------------------

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def peek(self, name: str) -> object:
        """A property as it is, without reading it; None when there is none."""
        return self._left.get(name)

    def peek_in(self, name: str, inner: str) -> object:
        """A property of a property that is an object, without reading it; None when there is none."""
        value = self._left.get(name)
        return value.get(inner) if isinstance(value, dict) else None

    def whole(self) -> JsonObject:
        """What is left of the element, to be looked at."""
        return self._left

    def skip(self, *names: str) -> None:
        """Read properties that say nothing of their own."""
        for name in names:
            self._left.pop(name, None)

    def replace(self, name: str, value: str) -> None:
        """Put a property in another form, which is to be read instead."""
        self._left[name] = value

    def drop(self, text: str = _NOT_KEPT) -> None:
        """Give up the whole element, which one warning says."""
        self._left.clear()
        self.warning("", text)

    def refuse(self, text: str) -> None:
        """Give up the whole element, which one error says."""
        self._left.clear()
        self.error("", text)

    def string(self, name: str, *, needed: bool = False) -> str | None:
        """A property that is a string; None when it is absent or refused."""
        value = self._left.pop(name, _MISSING)
        if isinstance(value, str) and value:
            return value
        self._refuse(name, value, "a string that is not empty", needed=needed)
        return None

    def boolean(self, name: str, *, needed: bool = False) -> bool | None:
        """A property that is true or false."""
        value = self._left.pop(name, _MISSING)
        if isinstance(value, bool):
            return value
        self._refuse(name, value, "true or false", needed=needed)
        return None

    def integer(self, name: str, first: int, last: int, *, needed: bool = False) -> int | None:
        """A property that is a whole number; one outside a range is left out."""
        value = self._left.pop(name, _MISSING)
        if not isinstance(value, int) or isinstance(value, bool):
            self._refuse(name, value, "a whole number", needed=needed)
            return None
        if first <= value <= last:
            return value
        self.warning(name, f"is not kept: only numbers from {first} to {last} are")
        return None

    def decimal(self, name: str, first: int, last: int) -> float | None:
        """A needed property that is a number; one outside a range is left out."""
        value = self._left.pop(name, _MISSING)
        if not isinstance(value, int | float) or isinstance(value, bool):
            self._refuse(name, value, "a number", needed=True)
            return None
        if first <= value <= last:
            return float(value)
        self.warning(name, f"is not kept: only numbers from {first} to {last} are")
        return None

    def strings(self, name: str) -> Sequence[str]:
        """A property that is an array of strings; those that are none are refused one by one.

        FHIR writes null for a string of which there are only extensions, which are beside it.
        """
        found = []
        only_extensions = isinstance(self._left.get(f"_{name}"), list)
        for index, value in enumerate(self._array(name)):
            if isinstance(value, str) and value:
                found.append(value)
            elif value is not None or not only_extensions:
                self.error(f"{name}[{index}]", "must be a string that is not empty")
        return found

    def child(self, name: str, *, needed: bool = False) -> "Element | None":
        """A property that is an object."""
        value = self._left.pop(name, _MISSING)
        if isinstance(value, dict) and value:
            return Element(value, self.scope, self, name)
        self._refuse(name, value, "an object that is not empty", needed=needed)
        return None

    def children(self, name: str, *, needed: bool = False) -> "Sequence[Element]":
        """A property that is an array of objects; those that are none are refused one by one."""
        if needed and name not in self._left:
            self.error(name, "is required")
        return [Element(value, self.scope, self, name, index) for index, value in self.objects(name)]

    def objects(self, name: str) -> Sequence[tuple[int, JsonObject]]:
        """As `children`, the JSON objects themselves, each with its index."""
        found = []
        for index, value in enumerate(self._array(name)):
            if isinstance(value, dict) and value:
                found.append((index, value))
            else:
                self.error(f"{name}[{index}]", "must be an object that is not empty")
        return found

    def only_child(self, name: str) -> "Element | None":
        """A property that is an array of objects, of which there is one at most."""
        found = self.children(name)
        for other in found[1:]:
            other.refuse("is one too many: there is one at most")
        return found[0] if found else None

    def _array(self, name: str) -> Sequence[object]:
        value = self._left.pop(name, _MISSING)
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

    # --- what is left --------------------------------------------------------------------------------

    def unread(self) -> None:
        """Report every property that nothing has read, in any element of this one's resource."""
        for element in self.scope.opened:
            element.report()
        self.scope.opened.clear()

    def abandon(self) -> None:
        """Give up the whole resource, about which enough was said."""
        self.scope.opened.clear()

    def report(self) -> None:
        """Report every property of this element that nothing has read."""
        for name in self._left:
            if name in _MODIFIERS:
                self.error(name, "must not be there: it changes what the rest means, and is not known here")
            elif name[:1] == "_" and name[1:]:
                self.warning(name[1:], "has an id or extensions, which are not kept")
            else:
                self.warning(_spelled(name), _NOT_KEPT)


def _spelled(name: str) -> str:
    """A property's name in a path: a name that is none of FHIR's may be anything, so it is not repeated."""
    return name if name.isascii() and name.isalnum() and len(name) <= 40 else "<unknown>"  # noqa: PLR2004 - longer than any element of R4
