"""A server in the process of a test, for the tests of programs that use this library.

It speaks gRPC on a free port of the loopback: `Client`, `AsyncClient` and any other caller reach it as they
reach the real one. What it exports is what the test has put there, and it fails when the test says so.
"""

from fhirexport.testing.calls import ReceivedCall, ReceivedImport
from fhirexport.testing.failures import Failure, Reason
from fhirexport.testing.server import FakeServer

__all__ = ["Failure", "FakeServer", "Reason", "ReceivedCall", "ReceivedImport"]
