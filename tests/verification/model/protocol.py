"""A model of the cache's protocol: the steps of writers, exports and the world around them.

An answer may come from the memory of a process, from Redis, from a rendering that is under way, or from the
database. Each safeguard of the protocol is a switch of `Protocol`, so that a test can take one away.
"""

from collections.abc import Iterator
from typing import NamedTuple

from verification.model.change_log import ChangeLog
from verification.model.state import (
    Database,
    Entry,
    Export,
    Scenario,
    State,
    Tag,
    lacks,
    lose,
    put,
    with_export,
)

Step = tuple[str, State]
RENDERING = ("rendering", "behind", "unstamped", "rendered")


class Protocol(NamedTuple):
    """The safeguards. The protocol as designed has them all, and deletes nothing."""

    looks_revision_up: bool = True  # after the export started, and serves only what is stamped with it
    compares_equality: bool = True  # else: an entry with a larger count will do
    revision_counts: bool = True  # else: the revision is the largest id in the change log
    revision_has_digest: bool = True  # which rows of the change log, not only how many
    revision_has_incarnation: bool = True  # which life of the database
    entry_has_fingerprint: bool = True  # of the exporter's version and options
    etag_has_fingerprint: bool = True
    etag_is_the_databases: bool = True  # else: the entry in the cache decides on "not modified"
    one_snapshot: bool = True  # else: the data, then the revision
    stamped_when_read: bool = True  # else: when it is published
    flight_has_revision: bool = True  # else: whoever misses joins whatever rendering is under way
    memory_is_validated: bool = True  # else: what the process remembers is served as it is
    replica_stamps_itself: bool = True  # else: the replica's data with the primary's revision
    replica_must_catch_up: bool = True  # else: a rendering older than what was asked for is good enough
    at_least_compares: bool = True  # the entry's count with the token's
    change_log: ChangeLog = ChangeLog()  # what is logged, and what is believed of it
    deletes_before_commit: bool = False
    deletes_after_commit: bool = False


class Model(NamedTuple):
    """The protocol in a scenario: its first state, and the steps that lead on from any state."""

    protocol: Protocol
    scenario: Scenario

    def initial(self) -> State:
        empty = Database(0, ())
        writers = ("idle",) * self.scenario.writers
        exports = (Export(),) * len(self.scenario.exports)
        memory = (None,) * (max(self.scenario.processes) + 1)
        return State(empty, empty, 0, frozenset(), memory, writers, exports, self.scenario.events)

    def steps(self, state: State) -> Iterator[Step]:
        for number in range(len(state.writers)):
            yield from self._writer(state, number)
        for number in range(len(state.exports)):
            yield from self._export(state, number)
        yield from self._world(state)

    # --- writers: plain SQL, which knows of no cache; only the variants that delete have more than the commit

    def _writer(self, state: State, number: int) -> Iterator[Step]:
        def at(place: str, state: State) -> State:
            return state._replace(writers=put(state.writers, number, place))

        name = f"write {number + 1}"
        here = state.writers[number]
        if here == "idle" and self.protocol.deletes_before_commit:
            yield f"{name} deletes the entry", at("deleted", state._replace(redis=frozenset()))
        elif here in {"idle", "deleted"}:
            database = state.database._replace(writes=(*state.database.writes, number + 1))
            after = "committed" if self.protocol.deletes_after_commit else "returned"
            yield f"{name} commits", at(after, state._replace(database=database))
        elif here == "committed":
            yield f"{name} deletes the entry", at("returned", state._replace(redis=frozenset()))

    # --- exports

    def _export(self, state: State, number: int) -> Iterator[Step]:
        export = state.exports[number]
        name = f"export {number + 1}"
        match export.at:
            case "idle":
                yield f"{name} starts", self._start(state, number)
            case "holds a token":
                for entry in self._candidates(state, number):
                    if self._recent_enough(entry, export.asked):
                        yield f"{name} is served by its token", self._serve(state, number, entry)
                strict = export._replace(at="started")
                yield f"{name} finds nothing for its token", with_export(state, number, strict)
            case "started":
                yield from self._look_up(state, number)
            case "looked up":
                yield from self._look_for_an_entry(state, number)
            case "rendering" | "behind" | "unstamped" | "rendered":
                yield self._render(state, number)
                if export.at == "rendering" and self.scenario.updates:
                    yield from self._bring_up_to_date(state, number)

    def _start(self, state: State, number: int) -> State:
        returned = (w for w in state.database.writes if state.writers[w - 1] == "returned")
        required = Database(state.database.incarnation, tuple(returned))
        place, token = "started" if self.protocol.looks_revision_up else "looked up", None
        if self.scenario.exports[number] == "at least":
            place, token = "holds a token", self._tag(state.database, state.version)
        return with_export(state, number, Export(place, state.version, required, token))

    def _look_up(self, state: State, number: int) -> Iterator[Step]:
        """Ask the primary for the revision; answer "not modified" where the client's etag says so."""
        export = state.exports[number]
        remembered = state.memory[self.scenario.processes[number]]
        if remembered is not None and not self.protocol.memory_is_validated:
            yield f"export {number + 1} is served from memory", self._serve(state, number, remembered)
        asked = self._tag(state.database, export.version)
        held = state.exports[0].answer if self.scenario.exports[number] == "if none match" else None
        decides = [asked]
        if not self.protocol.etag_is_the_databases:
            decides = [entry.tag for entry in self._candidates(state, number) if entry.tag is not None]
        if held is not None and any(self._etag(held.tag) == self._etag(tag) for tag in decides):
            yield f"export {number + 1} is not modified", self._answer(state, number, held)
        else:
            asking = export._replace(at="looked up", asked=asked)
            yield f"export {number + 1} looks the revision up", with_export(state, number, asking)

    def _look_for_an_entry(self, state: State, number: int) -> Iterator[Step]:
        """Serve what is stamped as asked; else join a rendering, or start one.

        A lease decides who renders and who waits. It may be lost, so anyone may render, at any time.
        """
        export = state.exports[number]
        name = f"export {number + 1}"
        for entry in self._candidates(state, number):
            if self._usable(entry, export.asked):
                yield f"{name} is served an entry", self._serve(state, number, entry)
        for leader in self._flights(state, number):
            joining = export._replace(at="joined", joined=leader)
            yield f"{name} joins export {leader + 1}", with_export(state, number, joining)
        yield f"{name} starts a rendering", with_export(state, number, export._replace(at="rendering"))

    def _render(self, state: State, number: int) -> Step:
        export = state.exports[number]
        name = f"export {number + 1}"
        if export.at == "rendered" and export.rendered is not None:
            return f"{name} publishes and answers", self._publish(state, number, export.rendered)
        if export.at == "unstamped" and export.rendered is not None:
            stamped = export.rendered._replace(tag=self._tag(state.database, export.version))
            step, after = "reads the revision", export._replace(at="rendered", rendered=stamped)
            return f"{name} {step}", with_export(state, number, after)
        from_replica = self.scenario.replica and export.at == "rendering"
        source = state.replica if from_replica else state.database
        stamp = self._tag(source if self.protocol.replica_stamps_itself else state.database, export.version)
        entry = Entry(stamp, source, export.version)
        behind = from_replica and export.asked is not None and stamp.rows < export.asked.rows
        if behind and self.protocol.replica_must_catch_up:
            step, after = "finds the replica behind", export._replace(at="behind")
        elif not self.protocol.one_snapshot:
            unstamped = entry._replace(tag=None)
            step, after = "reads the data", export._replace(at="unstamped", rendered=unstamped)
        else:
            step, after = "reads a snapshot", export._replace(at="rendered", rendered=entry)
        return f"{name} {step}", with_export(state, number, after)

    def _bring_up_to_date(self, state: State, number: int) -> Iterator[Step]:
        """Start from any rendering that is kept, whatever its revision: one that the log leads on from."""
        export, database = state.exports[number], state.database
        stamp = self._tag(database, export.version)
        for base in self._candidates(state, number):
            shown = self.protocol.change_log.brought_up_to_date(
                base, stamp, database, self.scenario, pruned=state.pruned
            )
            if shown is not None:
                entry = Entry(stamp, shown, base.version if shown.writes else export.version)
                differs = shown.incarnation != database.incarnation or {*shown.writes} != {*database.writes}
                after = export._replace(at="rendered", rendered=entry, differs=differs)
                yield f"export {number + 1} brings a rendering up to date", with_export(state, number, after)

    def _publish(self, state: State, number: int, entry: Entry) -> State:
        if not self.protocol.stamped_when_read:
            entry = entry._replace(tag=self._tag(state.database, entry.version))
        earlier = state.redis if self.scenario.redis_is_faulty else frozenset()
        state = self._serve(state._replace(redis=earlier | {entry}), number, entry)
        for other, export in enumerate(state.exports):
            if export.joined == number:
                state = self._answer(state, other, entry)
        return state

    def _serve(self, state: State, number: int, entry: Entry) -> State:
        """Answer with the entry, and remember it in the process with the stamp that it has."""
        memory = put(state.memory, self.scenario.processes[number], entry)
        return self._answer(state._replace(memory=memory), number, entry)

    def _answer(self, state: State, number: int, entry: Entry) -> State:
        kept = entry if number == 0 and "if none match" in self.scenario.exports else None
        differs = state.exports[number].differs
        done = Export("done", answer=kept, lacks=lacks(entry, state.exports[number]), differs=differs)
        return with_export(state, number, done)

    # --- what an export may be served

    def _tag(self, database: Database, version: int) -> Tag:
        has, logged = self.protocol, self.protocol.change_log.logged(database, self.scenario)
        return Tag(
            database.incarnation if has.revision_has_incarnation else 0,
            len(logged) if has.revision_counts else max(logged, default=0),
            frozenset(logged) if has.revision_has_digest and has.revision_counts else frozenset(),
            version if has.entry_has_fingerprint else 0,
        )

    def _etag(self, tag: Tag | None) -> Tag | None:
        return tag if tag is None or self.protocol.etag_has_fingerprint else tag._replace(fingerprint=0)

    def _candidates(self, state: State, number: int) -> set[Entry]:
        remembered = state.memory[self.scenario.processes[number]]
        # A writer that deletes reaches Redis, not the memory of the processes: those variants go without it.
        return {*state.redis} | ({remembered} if remembered and self.protocol.looks_revision_up else set())

    def _usable(self, entry: Entry, asked: Tag | None) -> bool:
        if not self.protocol.looks_revision_up or entry.tag == asked:
            return True
        return not self.protocol.compares_equality and self._recent_enough(entry, asked)

    def _recent_enough(self, entry: Entry, token: Tag | None) -> bool:
        if entry.tag is None or token is None:
            return False
        same = (entry.tag.incarnation, entry.tag.fingerprint) == (token.incarnation, token.fingerprint)
        return same and (entry.tag.rows >= token.rows or not self.protocol.at_least_compares)

    def _flights(self, state: State, number: int) -> Iterator[int]:
        mine = state.exports[number]
        for leader, export in enumerate(state.exports):
            same_process = self.scenario.processes[leader] == self.scenario.processes[number]
            same_key = export.asked == mine.asked or not self.protocol.flight_has_revision
            if export.at in RENDERING and same_process and same_key:
                yield leader

    # --- the world

    def _world(self, state: State) -> Iterator[Step]:
        if self.scenario.replica and state.replica != state.database:
            yield "the replica catches up", state._replace(replica=state.database)
        for event in state.events:
            after = state._replace(events=tuple(left for left in state.events if left != event))
            match event:
                case "deploy":
                    yield "a new exporter is deployed", after._replace(version=state.version + 1)
                case "prune":
                    logged = self.protocol.change_log.logged(state.database, self.scenario)
                    yield "the log is pruned", after._replace(pruned=len(logged))
                case "crash" if state.database.writes:
                    shorter = state.database._replace(writes=state.database.writes[:-1])
                    yield "the database crashes and loses its last commit", lose(after, shorter)
                case "restore":
                    restored = Database(state.database.incarnation + 1, ())
                    yield "the database is restored from a backup", lose(after, restored)
