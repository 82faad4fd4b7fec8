"""What a session must look like: the rules of the store, written down a second time and as plainly as possible."""

import functools
import json
import re
from dataclasses import asdict, dataclass, field, replace

from lineage import FORKS, forked, leave
from pipe import encoded
from router import Entry, after

DIGITS = b"\0"  # in a message of the model: a time that only the store knows
NUMBER = re.compile(rb"[0-9]+")


@dataclass
class Turn:
    """An open turn with its pending message."""
    id: str
    message: bytes
    attempts: int = 1
    is_listed: bool = False
    deltas: list = field(default_factory=list)
    queued: str = None  # its id in the queue, if it came from there
    is_live: bool = True  # whether the process that began or resumed it may be there still


@dataclass
class Queued:
    """A message that waits."""
    id: str
    message: bytes
    attempts: int = 0
    claim: str = None


@dataclass
class Message:
    """A message, hidden or not. `state` has, for each list in which it stands, "active", "compacted" or the number
    of the record that took it back."""
    text: bytes
    state: dict

    @property
    def is_users(self):
        return role(self.text) == "user"


@functools.lru_cache(maxsize=4096)
def role(text):
    """Whose the message `text` is."""
    return json.loads(text.replace(DIGITS, b"0")).get("role")


def placed(messages, words="both"):
    """The texts `messages` as messages that stand in the lists that one word names, or a word for each."""
    words = [words] * len(messages) if isinstance(words, str) else words
    return [Message(text, {name: "active" for name in LISTS if word in (name, "both")})
            for text, word in zip(messages, words)]


LISTS = ("visible", "context")


@dataclass
class Session:
    """A session after `sequence` records. Messages and fields are bytes: their spelling counts."""
    sequence: int = 0
    rows: list = field(default_factory=list)  # the messages of both lists, hidden ones too
    fields: dict = field(default_factory=dict)
    turn: Turn = None
    queue: list = field(default_factory=list)
    router: Entry = None
    is_deleted: bool = False
    is_rotated: bool = False
    forks: int = 0  # how many sessions were made from it

    placed = staticmethod(placed)

    def copied(self):
        """A copy that shares nothing that changes (many times as fast as copy.deepcopy, which long runs wait for)."""
        rows = [Message(row.text, dict(row.state)) for row in self.rows]
        turn = self.turn and replace(self.turn, deltas=list(self.turn.deltas))
        return replace(self, rows=rows, fields=dict(self.fields), turn=turn, queue=[replace(m) for m in self.queue])

    def apply(self, op, fields):
        """Carries out one operation, which adds one record."""
        self.sequence += 1
        getattr(self, "_" + op)(**fields)

    def active(self, name="visible"):
        """The messages of a list."""
        return [row for row in self.rows if row.state.get(name) == "active"]

    @property
    def messages(self):
        return [row.text for row in self.active()]

    @property
    def user_count(self):
        return sum(row.is_users for row in self.active())

    def _create(self, fields):
        self.fields = dict(fields)

    def _set(self, fields):
        self.fields.update(fields)

    def _append(self, messages, turn=None, list="both"):
        if turn:
            self._list_prompt()
        self.rows += placed(messages, list)

    def _truncate(self, count, context_count=None):
        self._cut(count, context_count, None)

    def _take_back(self, count, context_count=None):
        self._cut(count, context_count, self.sequence)

    def _undo_last(self):
        self._cut(*self.last_user())

    _retry_last = _undo_last

    def _replace(self, messages, list="both"):
        self._withdraw(list, None)
        self.rows += placed(messages, list)

    def _compact_messages(self, messages, list="both"):
        self._withdraw(list, "compacted")
        self.rows += placed(messages, list)

    def _restore(self):
        newest = self.newest_taken_back()
        for row in self.rows:
            row.state = {name: "active" if state == newest else state for name, state in row.state.items()}

    def _clear(self, fields):
        self.rows = []
        self.fields.update(fields)

    def _edit(self, index, message, list="visible"):
        self.active(list)[index].text = message

    def newest_taken_back(self):
        """The number of the record that `restore` is about, or None."""
        return max((s for row in self.rows for s in row.state.values() if isinstance(s, int)), default=None)

    def last_user(self):
        """Where an undo cuts both lists, or None."""
        visible = self.active()
        places = [place for place, row in enumerate(visible) if row.is_users]
        if not places:
            return None
        if visible[places[-1]].state.get("context") in ("active", "compacted"):
            return places[-1], self.context_count(places[-1])
        context = self.active("context")
        return places[-1], max((p for p, row in enumerate(context) if row.is_users), default=len(context))

    def context_count(self, count):
        """How much of the context stays with `count` visible messages: what is before the first message that goes."""
        gone = next((row for row in self.active()[count:] if row.state.get("context") == "active"), None)
        context = self.active("context")
        return len(context) if gone is None else next(n for n, row in enumerate(context) if row is gone)

    def _cut(self, count, context_count, standing=None):
        counts = {"visible": count,
                  "context": self.context_count(count) if context_count is None else context_count}
        for name, rows in [(name, self.active(name)) for name in LISTS]:
            for row in rows[counts[name]:]:
                self._put(row, name, standing)
            if standing is None:
                self._settle(name)

    def _withdraw(self, word, standing):
        for name in LISTS:
            if word == name or word not in LISTS:  # for both, or with a word for each message
                for row in self.active(name):
                    self._put(row, name, standing)
                if standing is None:
                    self._settle(name)

    def _settle(self, name):
        """Drops what was taken back behind the end of a list that was cut for good."""
        last = max((place for place, row in enumerate(self.rows) if row.state.get(name) == "active"), default=-1)
        for row in self.rows[last + 1:]:
            if isinstance(row.state.get(name), int):
                self._put(row, name, None)

    def _put(self, row, name, standing):
        """Hides a message of one list, or drops it."""
        row.state[name] = standing
        if standing is None:
            del row.state[name]
            self.rows = [row for row in self.rows if row.state]

    def _begin_turn(self, turn, message=None, resume=False):
        if resume:
            self.turn.attempts += 1
            self.turn.is_live = True
        else:
            self.turn = Turn(turn, message)

    def _delta(self, turn, data):
        self.turn.deltas.append(data)

    def _end_turn(self, turn, status, messages=(), keep_message=True):
        if keep_message:
            self._list_prompt()
        self.rows += placed(messages)
        self.turn = None

    def _checkpoint(self, turn, activity, fields):
        self.fields.update(fields)

    def _enqueue(self, queued, message):
        self.queue.append(Queued(queued, message))

    def _edit_queued(self, queued, message):
        self.queued(queued).message = message

    def _drop_queued(self, queued):
        self.queue.remove(self.queued(queued))

    def _claim(self, owner, queued=None, claim=None, lease_ms=None, begin_turn=False, turn=None):
        message = self.queued(queued) if queued else next(m for m in self.queue if not m.claim)
        message.attempts += 1
        message.claim = claim
        if begin_turn:
            self.queue.remove(message)
            self.turn = Turn(turn, message.message, message.attempts, queued=message.id)

    def _complete(self, queued, claim, messages=()):
        self.queue.remove(self.queued(queued))
        self.rows += placed(messages)

    def _release(self, queued, claim):
        self.queued(queued).claim = None

    def _materialise(self, cause):
        prompt = self.turn.message[:-1] + (b"," if len(self.turn.message) > 2 else b"")
        recovered = prompt + b'"timestamp":' + DIGITS + b',"_recovered":true}'
        messages = [] if self.turn.is_listed else [recovered]
        text = b"".join(data[1:-1] for data in self.turn.deltas)
        if text:
            messages.append(b'{"role":"assistant","content":"' + text + b'","timestamp":' + DIGITS
                            + b',"_partial":true}')
        messages.append(b'{"role":"assistant","content":"The answer was interrupted.","timestamp":' + DIGITS
                        + b',"_error":true,"type":"interrupted","interruption_cause":"' + cause.encode() + b'"}')
        self.rows += placed(messages)
        self.turn = None

    def queued(self, id):
        """The message that waits under this id."""
        return next(message for message in self.queue if message.id == id)

    def _delete(self):
        self.__init__(sequence=self.sequence, is_deleted=True, forks=self.forks)

    def _rotate(self, new_session, old_fields, fields, messages=(), list="both"):
        self.forks += 1
        leave(self, old_fields)

    def _branch(self, new_session, fields, count=None):
        self.forks += 1

    _duplicate = _branch

    def _begin(self, session):
        self.__dict__.update(session.copied().__dict__)

    def _archive(self, archived):
        self.fields["archived"] = json.dumps(archived).encode()

    def _pin(self, pinned):
        self.fields["pinned"] = json.dumps(pinned).encode()

    def _rename(self, title):
        self.fields |= {"title": json.dumps(title.strip()).encode(), "manual_title": b"true"}

    def _set_title(self, title):
        self.fields["title"] = json.dumps(title.replace("\t", " ").strip("\u200b")).encode()

    def _draft(self, text):
        self.fields["composer_draft"] = encoded({"text": text, "files": []})

    def _abandon_turn(self, turn):
        self.turn.is_live = False

    def _router(self, **fields):
        self.router = after(self.router, **fields)

    def _list_prompt(self):
        """The first messages of a turn come behind its prompt."""
        if not self.turn.is_listed:
            self.turn.is_listed = True
            self.rows += placed([self.turn.message])


class History:
    """One session as its writer knows it: what is known to be in the store, and what was sent since."""

    def __init__(self, id):
        self.id = id
        self.confirmed = Session()  # as it was when the store was last checked
        self.latest = Session()  # if everything that was sent has arrived
        self.sent = []  # what makes the one into the other
        self.acknowledged = 0  # the newest of these operations, by number, that the store has promised to keep
        self.own_records = 0  # records that the store wrote by itself, up to `confirmed`
        self.origin = None  # the history it was made in, and the number of the operation there

    def send(self, op, fields):
        """Notes an operation that is about to be sent; gives its number."""
        self.sent.append((op, fields))
        self.latest.apply(op, fields)
        return self.latest.sequence

    def fork(self, op, fields):
        """The history of the session that an operation makes which is about to be sent."""
        new = History(fields["new_session"])
        new.origin = (self, self.latest.sequence + 1)
        new.send("begin", {"session": forked(self.latest, op, self.id, fields)})
        return new

    def sequences(self, session):
        """The sequences that the store may have `session` at: it writes a record by itself when a session that was
        made from this one needs it no more."""
        return range(session.sequence + self.own_records, session.sequence + session.forks + 1)

    def at(self, sequence):
        """The sessions that may be at `sequence`: prefixes of what was sent, the longest first."""
        session = self.confirmed.copied()
        found = []
        for op, fields in [(None, None)] + self.sent:
            if op:
                session.apply(op, fields)
            if sequence in self.sequences(session):
                found.insert(0, session.copied())
            if session.sequence > sequence:
                break
        return found

    def reopened(self):
        """Notes that the process that had the store open is gone."""
        for session in (self.confirmed, self.latest):
            if session.turn:
                session.turn.is_live = False

    def settle(self, session, sequence):
        """Takes `session`, which is at `sequence`, as what the store holds; forgets what was sent and has not arrived."""
        self.own_records = max(self.own_records, sequence - session.sequence)
        self.confirmed = session
        self.latest = session.copied()
        self.sent = []
        self.acknowledged = session.sequence


class Violation(Exception):
    """The store broke its promise."""


def require(condition, text):
    """Raises a Violation unless `condition` holds."""
    if not condition:
        raise Violation(text)


def check(pipe, history):
    """Reads one session whole, compares it with its history, and settles the history on it."""
    answer = pipe.ask("get", session=history.id, deltas=True, limit=500)
    sequence = _sequence(answer, history)
    states = history.at(sequence)
    require(states, f"{history.id}: not a prefix of what was sent: {answer.line[:300]!r}")
    for number, state in enumerate(states):
        try:
            _compare_whole(pipe, history, state, answer)
            break
        except Violation:
            if number + 1 == len(states):
                raise
    history.settle(state, sequence)
    if history.origin:  # a session and the record that made it are both there, or neither
        parent, fork = history.origin
        require((state.sequence > 0) == (parent.confirmed.sequence >= fork),
                f"{history.id}: at record {state.sequence}, and {parent.id}, which it was made from by its operation "
                f"{fork}, at {parent.confirmed.sequence}")
        history.origin = None


def _compare_whole(pipe, history, state, answer):
    """Compares all that can be read of one session with what it may be."""
    require(state.sequence >= history.acknowledged,
            f"{history.id}: at operation {state.sequence}, but {history.acknowledged} was acknowledged")
    if answer.ok:
        _compare(state, answer, history.id)
        _compare_queue(pipe, state, history.id)
        _compare_router(pipe, state, history.id)
        _compare_messages(pipe, state, answer, history.id)
        for name in LISTS:
            _compare_all(pipe, state, name, history.id)


def check_pending(pipe, histories):
    """Compares the list of pending messages with the settled histories: each is there, once."""
    expected = {h.id: h.confirmed.turn for h in histories if h.confirmed.turn}
    waiting = [(h.id, m.id) for h in histories for m in h.confirmed.queue]
    found, queued, after = [], [], {}
    while True:
        answer = pipe.ask("pending", **after)
        require(answer.ok, f"pending was refused: {answer.line!r}")
        for row in answer.fields["turns"]:
            found.append(row["session"])
            turn = expected.get(row["session"])
            require(turn is not None, f"{row['session']}: a pending message that nobody sent")
            require(row["turn"] == turn.id and row["attempts"] == turn.attempts
                    and row["message_listed"] == turn.is_listed and row["age_ms"] >= 0
                    and b'"message":' + turn.message + b"}" in answer.line,
                    f"{row['session']}: the pending message is not the one that was sent: {row}")
        queued += [(row["session"], row["queued"]) for row in answer.fields["queued"]]
        if "next" not in answer.fields:
            break
        after = {"after": answer.fields["next"]}
    _require_same("pending", found, expected)
    require(sorted(queued) == sorted(waiting), f"pending: queued {queued} instead of {waiting}")


def check_list(pipe, histories):
    """Compares the list of sessions, which is read without their messages, with the settled histories."""
    expected = {h.id: h for h in histories if h.confirmed.sequence and not h.confirmed.is_deleted}
    rows, after = {}, {}
    while True:
        answer = pipe.ask("list", **after)
        require(answer.ok, f"list was refused: {answer.line!r}")
        rows.update({row["session"]: row for row in answer.fields["sessions"]})
        if "next" not in answer.fields:
            break
        after = {"after": answer.fields["next"]}
    _require_same("list", list(rows), expected)
    for id, row in rows.items():
        session = expected[id].confirmed
        count = max(len(session.messages), 1 if session.turn else 0)
        require(row["sequence"] in expected[id].sequences(session) and row["message_count"] == count
                and row.get("user_message_count") == session.user_count
                and row.get("router", {}).get("model") == (session.router and session.router.model)
                and ("rotated_to" in row) == session.is_rotated,
                f"{id}: the list is not up to date: {row}")


def _require_same(what, found, expected):
    """Requires that the sessions `found` are those `expected`, each once."""
    missing = [id[:20] for id in expected if id not in found]
    extra = [id[:20] for id in found if id not in expected or found.count(id) > 1]
    require(not missing and not extra, f"{what}: missing {missing}, there by mistake or twice {extra}")


def _sequence(answer, history):
    """The sequence at which the store has the session."""
    if answer.ok:
        return answer.fields["sequence"]
    code = answer.fields["error"]["code"]
    if code == "session_deleted" and history.latest.is_deleted:
        return history.latest.sequence + history.own_records
    require(code == "unknown_session", f"{history.id}: {answer.fields['error']}")
    return 0


def _compare(state, answer, id):
    """Compares all but the messages."""
    require(not state.is_deleted, f"{id}: was deleted and is there")
    counts = [answer.fields["message_count"], answer.fields.get("context_count", answer.fields["message_count"])]
    require(counts == [len(state.active(name)) for name in LISTS],
            f"{id}: {counts} messages instead of {[len(state.active(name)) for name in LISTS]}")
    require(answer.fields.get("user_message_count") == state.user_count,
            f"{id}: {answer.fields.get('user_message_count')} messages of the user instead of {state.user_count}")
    require(answer.fields["fields"] == {k: json.loads(v) for k, v in state.fields.items()},
            f"{id}: fields {answer.fields['fields']} instead of {state.fields}")
    for name, value in state.fields.items():
        require(encoded(name) + b":" + value in answer.line, f"{id}: field {name} is spelled in another way")
    turn = answer.fields.get("turn")
    require((turn and turn["turn"]) == (state.turn and state.turn.id), f"{id}: turn {turn} instead of {state.turn}")
    if turn:
        require(b'"message":' + state.turn.message + b"}" in answer.line
                and turn["attempts"] == state.turn.attempts and turn["message_listed"] == state.turn.is_listed,
                f"{id}: another pending message: {turn}")
        deltas = [delta["data"] for delta in answer.fields["deltas"]]
        require(deltas == [json.loads(data) for data in state.turn.deltas],
                f"{id}: {len(deltas)} deltas instead of {len(state.turn.deltas)}, or others")


def _compare_queue(pipe, state, id):
    """Compares what waits in the session, the message in flight first."""
    answer = pipe.ask("queue", session=id)
    require(answer.ok, f"{id}: {answer.line!r}")
    found = [(row["queued"], row["attempts"], row["state"], row.get("claim")) for row in answer.fields["queue"]]
    turn = state.turn
    expected = [(turn.queued, turn.attempts, "in_flight", None)] if turn and turn.queued else []
    expected += [(m.id, m.attempts, "claimed" if m.claim else "queued", m.claim) for m in state.queue]
    require(found == expected, f"{id}: queue {found} instead of {expected}")
    for message in state.queue:
        require(b'"message":' + message.message + b"}" in answer.line, f"{id}: {message.id} is another message")


def _compare_router(pipe, state, id):
    """Compares what the router knows of the session."""
    answer = pipe.ask("router_get", session=id)
    require(answer.ok, f"{id}: {answer.line!r}")
    entry, expected = answer.fields["router"], state.router and asdict(state.router)
    found = entry and {name: entry[name] for name in expected or entry}
    if expected:
        expected["recent_hashes"] = list(expected["recent_hashes"])
    require(found == expected, f"{id}: router {entry} instead of {expected}")


def _is_in(wanted, line):
    """Whether the answer has these bytes."""
    first, *rest = wanted.split(DIGITS)
    start = line.find(first)
    while start >= 0 and not _goes_on(line, start + len(first), rest):
        start = line.find(first, start + 1)
    return start >= 0


def _goes_on(line, place, parts):
    """Whether `parts` stand at `place`, a number before each. (A pattern of megabytes takes long to compile.)"""
    for part in parts:
        digits = NUMBER.match(line, place)
        if not digits or not line.startswith(part, digits.end()):
            return False
        place = digits.end() + len(part)
    return True


def _compare_messages(pipe, state, answer, id):
    """Compares the messages byte for byte, page by page."""
    first = 0
    while True:
        end = answer.fields.get("next", len(state.messages))
        wanted = b'"messages":[' + b",".join(state.messages[first:end]) + b"]"
        require(_is_in(wanted, answer.line), f"{id}: messages {first} to {end} are not as they were sent")
        if "next" not in answer.fields:
            return
        first = end
        answer = pipe.ask("get", session=id, limit=500, **{"from": first})
        require(answer.ok, f"{id}: {answer.line!r}")


def _compare_all(pipe, state, name, id):
    """Compares one list with its hidden messages and their states."""
    rows = [row for row in state.rows if name in row.state]
    first = 0
    while True:
        answer = pipe.ask("get", session=id, list=name, hidden=True, limit=500, **{"from": first})
        require(answer.ok, f"{id}: {answer.line!r}")
        page = rows[first:answer.fields.get("next", len(rows))]
        states = ["taken_back" if isinstance(row.state[name], int) else row.state[name] for row in page]
        require(answer.fields["states"] == states
                and _is_in(b'"messages":[' + b",".join(row.text for row in page) + b"]", answer.line),
                f"{id}: the {name} messages from {first} are not those that were sent, or in another state")
        if "next" not in answer.fields:
            return
        first = answer.fields["next"]
