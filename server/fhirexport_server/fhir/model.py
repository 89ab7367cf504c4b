"""The FHIR R4 datatypes that are exported: one Struct per type, one field per property, in R4's order.

A field that is None is left out. A field of type `Raw` takes JSON that was encoded before.
Source: FHIR R4 (4.0.1), datatypes; the resources are in `resources.py`.
"""

from collections.abc import Sequence

from msgspec import Raw, Struct


class FhirStruct(Struct, frozen=True, omit_defaults=True, rename="camel", gc=False):
    """The base of every type. Its values form no cycles, so the garbage collector may ignore them."""


class Coding(FhirStruct, frozen=True, kw_only=True):
    """A code in a system."""

    system: str
    code: str
    display: str | None = None


class Period(FhirStruct, frozen=True, kw_only=True):
    """From `start` (included) to `end` (included as far as its precision goes)."""

    start: str | None = None
    end: str | None = None


class Identifier(FhirStruct, frozen=True, kw_only=True):
    """A business identifier."""

    use: str | None = None
    type: Raw | None = None
    system: str
    value: str
    period: Period | None = None


class Reference(FhirStruct, frozen=True, kw_only=True):
    """A pointer to a resource, literal (`reference`) or logical (`identifier`)."""

    reference: str | None = None
    type: str | None = None
    identifier: Identifier | None = None
    display: str | None = None


class Address(FhirStruct, frozen=True, kw_only=True):
    """A postal address (fr-core-address)."""

    extension: "Sequence[Extension] | None" = None
    use: str | None = None
    line: Sequence[str] | None = None
    city: str | None = None
    postal_code: str | None = None
    country: str | None = None


class Extension(FhirStruct, frozen=True, kw_only=True):
    """An extension, with one `value...` or with extensions inside."""

    extension: "Sequence[Extension] | None" = None
    url: str
    value_address: Address | None = None
    value_boolean: bool | None = None
    value_code: str | None = None
    value_codeable_concept: Raw | None = None
    value_coding: Coding | None = None
    value_date: str | None = None
    value_date_time: str | None = None
    value_integer: int | None = None
    value_markdown: str | None = None
    value_period: Period | None = None
    value_reference: Reference | None = None
    value_string: str | None = None


class CodeableConcept(FhirStruct, frozen=True, kw_only=True):
    """A concept: codings, or a text if no code system has it."""

    extension: Sequence[Extension] | None = None
    coding: Sequence[Coding] | None = None
    text: str | None = None


class ContactPoint(FhirStruct, frozen=True, kw_only=True):
    """A telephone number or an e-mail address (fr-core-contact-point)."""

    system: str
    value: str
    use: str | None = None


class HumanName(FhirStruct, frozen=True, kw_only=True):
    """A person's name (fr-core-human-name)."""

    extension: Sequence[Extension] | None = None
    use: str | None = None
    family: str | None = None
    given: Sequence[str] | None = None
    prefix: Sequence[str] | None = None
