"""Read the three datasets of a legal entity at once, and count the resources of each type.

    python examples/consumer_async.py EJ_ID

The server is FHIREXPORT_ADDRESS, localhost:50051 if left out. Nothing is kept: memory does not grow with the
exports.
"""

import asyncio
import os
import sys
from collections import Counter

from fhirexport import AsyncClient, AsyncExport


async def count(export: AsyncExport) -> Counter[str]:
    """Return how many resources of each type an export has."""
    types: Counter[str] = Counter()
    async for resource in export:
        types[str(resource["resourceType"])] += 1
    return types


async def main(ej_id: int) -> None:
    """Print a line for each type."""
    async with AsyncClient(os.environ.get("FHIREXPORT_ADDRESS", "localhost:50051")) as client:
        exports = client.structure(ej_id), client.patients(ej_id), client.venues(ej_id, movements=True)
        counts = await asyncio.gather(*map(count, exports))
    for name, number in sorted(sum(counts, Counter[str]()).items()):
        print(f"{name} {number}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
