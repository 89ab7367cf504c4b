"""The manifests of renderings that were replaced, by their roots: what callers may still have."""

from collections import OrderedDict

from fhirexport_server.cache.entry import Variant
from fhirexport_server.domain.segments import Manifest

_PLACE_BYTES = 64
"""What a segment takes in a further manifest: most of its segments are those of the next one."""


class FormerManifests:
    """Keeps manifests, bounded in bytes; those that were asked for longest ago go first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._kept: OrderedDict[tuple[Variant, bytes], Manifest] = OrderedDict()
        self.used = 0
        """How many bytes they take."""

    def keep(self, variant: Variant, manifest: Manifest) -> None:
        """Keep a manifest, unless it alone takes more than a half."""
        key = (variant, manifest.root)
        if key in self._kept or _size(manifest) > self._limit // 2:
            return
        self._kept[key] = manifest
        self.used += _size(manifest)
        while self.used > self._limit:
            _, oldest = self._kept.popitem(last=False)
            self.used -= _size(oldest)

    def get(self, variant: Variant, root: bytes) -> Manifest | None:
        """Return the manifest of a variant with this root; None where it is not kept."""
        manifest = self._kept.get((variant, root))
        if manifest is not None:
            self._kept.move_to_end((variant, root))
        return manifest


def _size(manifest: Manifest) -> int:
    return _PLACE_BYTES * (1 + len(manifest.segments))
