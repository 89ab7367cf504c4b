"""Shows which manifests of replaced renderings are known by their roots, and for how long."""

from fhirexport_server.cache.entry import Variant
from fhirexport_server.cache.former_manifests import FormerManifests
from fhirexport_server.domain.datasets import Dataset, Detail, Format
from fhirexport_server.domain.segments import Block, Manifest, Segment

VENUES = Variant(1, Dataset.VENUES, Format.NDJSON, Detail.SUMMARY)
OTHERS = Variant(2, Dataset.VENUES, Format.NDJSON, Detail.SUMMARY)


def manifest(version: int, segments: int = 3) -> Manifest:
    return Manifest(
        tuple(
            Segment(Block(number << 7, 7), 1, 1, 10, bytes([version]) * 31 + bytes([number]))
            for number in range(segments)
        )
    )


def test_a_manifest_is_known_by_its_root_and_variant() -> None:
    kept = FormerManifests(10_000)
    kept.keep(VENUES, manifest(1))
    kept.keep(VENUES, manifest(2))
    assert kept.get(VENUES, manifest(1).root) == manifest(1)
    assert kept.get(VENUES, manifest(2).root) == manifest(2)
    assert kept.get(VENUES, manifest(3).root) is None
    assert kept.get(OTHERS, manifest(1).root) is None


def test_those_asked_for_longest_ago_go_first() -> None:
    kept = FormerManifests(3 * 4 * 64)
    for version in (1, 2, 3):
        kept.keep(VENUES, manifest(version))
    assert kept.get(VENUES, manifest(1).root)
    kept.keep(VENUES, manifest(4))
    assert kept.get(VENUES, manifest(2).root) is None
    assert kept.get(VENUES, manifest(1).root)
    assert kept.used <= 3 * 4 * 64


def test_one_that_alone_would_wash_the_others_out_is_not_kept() -> None:
    kept = FormerManifests(1000)
    kept.keep(VENUES, manifest(1, segments=100))
    assert kept.get(VENUES, manifest(1, segments=100).root) is None
    assert kept.used == 0


def test_switched_off_it_keeps_nothing() -> None:
    kept = FormerManifests(0)
    kept.keep(VENUES, manifest(1))
    assert kept.get(VENUES, manifest(1).root) is None
