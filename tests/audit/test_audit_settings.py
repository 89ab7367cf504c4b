"""What settings of the audit trail may be, and when one is lacking."""

import pytest
from fhirexport_server.settings import Settings
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("values", "lacks"),
    [
        ({}, False),
        ({"listen_address": "192.0.2.1:50051", "insecure": "true"}, True),
        ({"listen_address": "192.0.2.1:50051", "insecure": "true", "audit_directory": "off"}, True),
        ({"listen_address": "192.0.2.1:50051", "insecure": "true", "audit_directory": "audit"}, False),
    ],
)
def test_what_other_machines_reach_lacks_an_audit_unless_it_has_a_directory(
    values: dict[str, str],
    lacks: bool,  # noqa: FBT001 - what is expected
) -> None:
    assert Settings.model_validate(values).lacks_audit is lacks


@pytest.mark.parametrize("name", ["", "Audit", "a/b", "..", "-a", "a" * 49])
def test_a_chain_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"audit_chain": name})
