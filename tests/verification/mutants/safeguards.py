"""The safeguards of the never-stale protocol, each with the code without it and the tests that notice."""

from verification.mutants.log_safeguards import OF_THE_LOG
from verification.mutants.lookup_safeguards import OF_LOOK_UPS
from verification.mutants.mutant import Mutant
from verification.mutants.sealing_safeguards import OF_SEALING
from verification.mutants.server_safeguards import OF_SERVERS
from verification.mutants.token_safeguards import OF_TOKENS

CACHE = "fhirexport_server/cache/"
EXPORTS = "fhirexport_server/exports/"
STORE = "fhirexport_server/store/"
WATCHES = "fhirexport_server/watches/"
SERVICE = "tests/test_cache_service.py"
SHARED = "tests/exports/test_shared_cache.py"
REDIS = "tests/cache/test_redis_cache.py"
CHANGES = "tests/cache/test_published_changes.py"
PACKING = "tests/cache/test_packing.py"
CACHED = "tests/exports/test_cached_exports.py"
ALTERED = "tests/store/test_altered.py"

MUTANTS = (
    Mutant(
        "memory is served without its etag being compared",
        f"{CACHE}memory.py",
        "if kept.description.etag != etag:\n            return LookupOutcome.STALE, None",
        "",
        CACHED,
    ),
    Mutant(
        "Redis is served without its etag being compared",
        f"{CACHE}redis/lua_scripts.py",
        "if ARGV[2] ~= '' and etag ~= ARGV[2] then",
        "if false then",
        SERVICE,
    ),
    Mutant(
        "a rendering under way is joined whatever its revision",
        f"{EXPORTS}exporter.py",
        "self._flights.reading(order.key, produce)",
        "self._flights.reading(str(order.variant), produce)",
        CACHED,
    ),
    Mutant(
        "the etag has no digest: one change is like another",
        f"{EXPORTS}etags.py",
        "{revision.digest & 0xFFFF_FFFF_FFFF_FFFF:x}",
        "0",
        f"{SHARED}::test_a_database_from_a_backup_is_not_served_what_came_after_it",
    ),
    Mutant(
        "the etag has no incarnation",
        f"{EXPORTS}etags.py",
        "        incarnation,\n        base_url,",
        "        base_url,",
        f"{SHARED}::test_another_database_with_the_same_revisions_is_not_served_what_the_first_has_kept",
    ),
    Mutant(
        "the etag has no base URL",
        f"{EXPORTS}etags.py",
        "        incarnation,\n        base_url,",
        "        incarnation,",
        f"{SHARED}::test_another_base_url_is_another_export",
    ),
    Mutant(
        "the etag has no format",
        f"{EXPORTS}etags.py",
        "        request.format,\n",
        "",
        "tests/exports",
    ),
    Mutant(
        "an export reads several states of the database",
        f"{STORE}database.py",
        'isolation_level="REPEATABLE READ", postgresql_readonly=True',
        'isolation_level="READ COMMITTED", postgresql_readonly=True',
        "tests/store/test_snapshot.py",
    ),
    Mutant(
        "the revision is read after the rows, in another snapshot",
        f"{EXPORTS}producing/full_rendering.py",
        "        revision = rows.revision(request.ej_id, request.dataset)\n",
        "        import time\n        revision = (rows.ej(request.ej_id), time.sleep(0.3),"
        " self.database.revision(request.ej_id, request.dataset))[-1]\n",
        CACHED,
    ),
    Mutant(
        "an earlier state takes the place of a later one",
        f"{CACHE}redis/lua_scripts.py",
        "if later and ARGV[7] ~= '1' then",
        "if false then",
        REDIS,
    ),
    Mutant(
        "segments have no time to live",
        f"{CACHE}redis/segment_store.py",
        "pipeline.set(key, value, px=time_to_live)",
        "pipeline.set(key, value)",
        REDIS,
    ),
    Mutant(
        "a head outlives its segments",
        f"{CACHE}redis/lua_scripts.py",
        "local left = math.min(tonumber(ARGV[2]), ends - now)",
        "local left = tonumber(ARGV[2])",
        CHANGES,
    ),
    Mutant(
        "segments are never renewed",
        f"{CACHE}redis/lua_scripts.py",
        "or others - now < whole * 3 / 4 or",
        "or",
        CHANGES,
    ),
    Mutant(
        "segments are taken for there whatever rendering is",
        f"{CACHE}redis/lua_scripts.py",
        "if old[4] ~= ARGV[4] or",
        "if",
        CHANGES,
    ),
    Mutant(
        "a damaged segment is not noticed",
        f"{CACHE}redis/packing/packed_segment.py",
        "not hmac.compare_digest(_sum(segment, content), packed[:_SUM_BYTES])",
        "False",
        PACKING,
    ),
    Mutant(
        "a segment is taken for another",
        f"{CACHE}redis/packing/packed_segment.py",
        "key=segment.digest, ",
        "",
        PACKING,
    ),
    Mutant(
        "a frame may be larger than the manifest says",
        f"{CACHE}redis/packing/packed_segment.py",
        "if zstandard.frame_content_size(frame) != size:",
        "if zstandard.frame_content_size(frame) < 0:",
        PACKING,
    ),
    Mutant(
        "a damaged head is not noticed",
        f"{CACHE}redis/packing/envelope.py",
        'if not hmac.compare_digest(_sum(fields), sealing.unseal(_place("sum", head), digest)):',
        "if False:",
        REDIS,
    ),
    Mutant(
        "a damaged manifest is not noticed",
        f"{CACHE}redis/packing/envelope.py",
        'if not hmac.compare_digest(_digest(packed), fields["manifest_sum"]):',
        "if False:",
        REDIS,
    ),
    Mutant(
        "a head of another EJ is not noticed",
        f"{CACHE}redis/packing/envelope.py",
        "(token.ej_id, token.dataset) != (variant.ej_id, variant.dataset)",
        "False",
        REDIS,
    ),
    Mutant(
        "another layout is read as if it were this one",
        f"{CACHE}redis/lua_scripts.py",
        "if head[1] ~= ARGV[1] then return {'foreign', now} end",
        "",
        REDIS,
    ),
    Mutant(
        "the age in Redis is not looked at",
        f"{CACHE}redis/lua_scripts.py",
        "if age < 0 or age > tonumber(ARGV[4]) then",
        "if false then",
        "tests/cache",
    ),
    Mutant(
        "the age in memory is not looked at",
        f"{CACHE}memory.py",
        "if kept is None or kept.validated < since:",
        "if kept is None:",
        "tests/cache",
    ),
    Mutant(
        "a token is content with any revision",
        f"{CACHE}memory.py",
        "return newest if newest is not None and newest.etag == etag else None",
        "return newest",
        "tests/cache/test_memory.py",
    ),
    Mutant(
        "an access to Redis has no budget",
        f"{CACHE}redis/connection.py",
        "await asyncio.wait({task}, timeout=self._budget)",
        "await asyncio.wait({task})",
        "tests/cache/test_degraded.py",
    ),
    Mutant(
        "a Redis that has failed is asked again and again",
        f"{CACHE}redis/breaker.py",
        "return self.state is not State.UNAVAILABLE",
        "return True",
        "tests/cache/test_degraded.py",
    ),
    Mutant(
        "nobody looks for a Redis that is away",
        f"{CACHE}redis/connection.py",
        "            pause = min(pause * 2, LONGEST_PAUSE)\n            await self.probe()",
        "            pause = min(pause * 2, LONGEST_PAUSE)",
        "tests/cache/test_degraded.py",
    ),
    Mutant(
        "processes do not claim what they make",
        f"{CACHE}redis/lua_scripts.py",
        "if type(owner) == 'string' and owner ~= ARGV[2] then return 'busy' end",
        "",
        "tests/cache/test_claims.py",
    ),
    Mutant(
        "a claim is let go of whoever holds it",
        f"{CACHE}redis/lua_scripts.py",
        "if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end",
        "",
        "tests/cache/test_claims.py",
    ),
    Mutant(
        "a claim is not renewed",
        f"{CACHE}redis/claims.py",
        'renewing = asyncio.create_task(_renew(link, lease, nonce), name="claim")',
        'renewing = asyncio.create_task(asyncio.sleep(3600), name="claim")',
        "tests/cache/test_claims.py",
    ),
    Mutant(
        "a rendering from Redis is offered before all of it is there",
        f"{EXPORTS}producing/assembly.py",
        "lost = [segment for segment in missing if segment.digest not in copied]",
        "lost, slots = [], [slot or () for slot in slots]",
        "tests/exports/test_production.py",
    ),
    Mutant(
        "what is kept before its tables are altered is served after it",
        f"{STORE}guard/statements.py",
        'f"{incarnation}.{catalog:x}"',
        "incarnation",
        f"{ALTERED}::test_what_no_trigger_saw_is_served_when_all_looks_as_before",
    ),
    Mutant(
        "triggers are not looked at where the catalogs are others than before",
        f"{STORE}guard/guard.py",
        "return look.catalog == self.catalog and not look.is_exposed",
        "return True",
        f"{ALTERED}::test_where_changes_would_go_unnoticed_nothing_is_served",
    ),
    Mutant(
        "a table may be rewritten between the snapshot and the reading",
        f"{STORE}connection/sessions.py",
        "if schema is not None and options.get(LOCKED):",
        "if False:",
        f"{ALTERED}::test_a_table_that_is_rewritten_while_it_is_to_be_read_is_read_whole",
    ),
    Mutant(
        "a SQLite file that was replaced is read on",
        f"{STORE}connection/sqlite_files.py",
        "if record.info[_IDENTITY] != identity(path):",
        "if False:",
        "tests/store/test_altered_files.py::test_a_file_that_takes_the_place_of_another_is_read",
    ),
    Mutant(
        "a watch begins with what a look-up from before it has seen",
        f"{WATCHES}hub.py",
        "            self._tell(exports, revisions, beginning)",
        "            beginning |= self._beginning\n            self._tell(exports, revisions, beginning)",
        "tests/watches/test_hub.py::test_a_watch_is_told_by_a_look_up_that_began_after_it",
    ),
    Mutant(
        "a watch takes what it was told for what its caller has not heard yet",
        f"{WATCHES}watch.py",
        "self._known.update((notice.export, notice.revision) for notice in notices)",
        "",
        "tests/watches/test_watch.py::test_what_is_as_it_was_told_last_is_not_told",
    ),
    Mutant(
        "a watch goes on where triggers are off",
        f"{STORE}lookup.py",
        "all(known[export.dataset].holds(looks[export]) for export in exports)",
        "True",
        "tests/store/test_lookup.py::test_a_dataset_whose_changes_would_go_unnoticed_is_refused_alone",
    ),
    *OF_LOOK_UPS,
    *OF_SERVERS,
    *OF_THE_LOG,
    *OF_SEALING,
    *OF_TOKENS,
)
