"""Random operations that the store must accept."""

import json

from router import next_event

ODD = [  # spellings that a careless store would change
    b'{"role":"user","content":"caf\\u00e9 \\ud83d\\ude00","n":1.50e+02}',
    b'{"z":1,"a":{"z":null,"a":[ ]},"big":123456789012345678901234567890,"role":"tool"}',
    '{"role":"assistant","content":"Ünïcödé ☃ 😀","tool_calls":[{"id":"c1","arguments":"{\\"x\\": 1}"}]}'.encode(),
    b'{}',
]


LEASE = 7 * 24 * 3_600_000  # milliseconds: longer than any run


def free(session):
    """The messages that anybody may claim."""
    return [message for message in session.queue if not message.claim]


def held(session):
    """The messages that somebody works on."""
    return [message for message in session.queue if message.claim]


class Operations:
    """Makes the next operation for a session, from a random generator."""

    def __init__(self, random):
        self.random = random
        self.turns = 0
        self.steps = 0

    def next(self, session, may_fork=True):
        """An operation and its fields that `session` allows; None when there is none. With `may_fork` it may be one
        that makes another session."""
        if session.is_deleted or (session.is_rotated and not may_fork):
            return None, None
        if session.sequence == 0:
            if self.random.random() < 0.1:
                return "router", next_event(None, self.random)
            return "create", {"fields": {"title": encoded_text("a session"), "n": b"1.0"}}
        name = self.random.choices(*self.choices(session, may_fork))[0]
        return name, getattr(self, "_" + name)(session)

    def choices(self, session, may_fork):
        """The operations that are allowed now, with how often each is wanted."""
        if session.is_rotated:
            weights = {"branch": 1, "duplicate": 1, "delete": 1}
            return list(weights), list(weights.values())
        weights = {"append": 30, "set": 6, "truncate": 2, "replace": 1, "compact": 1, "delete": 0.2,
                   "compact_messages": 0.7, "clear": 0.3, "archive": 0.5, "pin": 0.5, "rename": 1, "draft": 2,
                   "set_title": 1}
        weights |= {"rotate": 1, "branch": 1.5, "duplicate": 0.5} if may_fork else {}
        weights |= {"edit": 3, "take_back": 1} if session.messages else {}
        weights |= {"undo_last": 0.5, "retry_last": 0.5} if session.last_user() else {}
        weights |= {"restore": 2} if session.newest_taken_back() else {}
        weights |= {"delta": 40, "end_turn": 8} if session.turn else {}
        weights["begin_turn"] = 1 if session.turn else 12
        weights |= {"checkpoint": 6} if session.turn else {}
        weights |= {"abandon_turn": 1} if session.turn and session.turn.is_live else {}
        weights |= {"materialise": 12} if session.turn and not session.turn.is_live else {}
        weights["enqueue"] = 8 if len(session.queue) < 6 else 0.5
        weights |= {"claim": 8, "edit_queued": 2, "drop_queued": 1} if free(session) else {}
        weights |= {"complete": 8, "release": 3} if held(session) else {}
        weights["router"] = 6
        return list(weights), list(weights.values())

    def _append(self, session):
        fields = {"messages": [self.message() for _ in range(self.random.choice([1, 1, 1, 2, 5]))]}
        if session.turn and self.random.random() < 0.5:
            fields["turn"] = session.turn.id
        return fields | self.lists(len(fields["messages"]))

    def _set(self, session):
        return {"fields": {self.random.choice(["title", "model", "näme"]): encoded_text(self.text(30))}}

    def _truncate(self, session):
        return {"count": self.random.randint(0, len(session.messages))}

    def _take_back(self, session):
        return {"count": self.random.randrange(len(session.messages))}

    def _undo_last(self, session):
        return {}

    _retry_last = _restore = _undo_last

    def _replace(self, session):
        messages = [self.message() for _ in range(self.random.randint(0, 8))]
        return {"messages": messages} | self.lists(len(messages))

    _compact_messages = _replace

    def _clear(self, session):
        return {"fields": {"title": encoded_text(self.text(20))}}

    def _edit(self, session):
        return {"index": self.random.randrange(len(session.messages)), "message": self.message()}

    def lists(self, count):
        """Where `count` messages go: mostly into both lists, which need not be said."""
        if self.random.random() < 0.7:
            return {}
        words = ["both", "visible", "context"]
        if self.random.random() < 0.5:
            return {"list": self.random.choice(words)}
        return {"list": [self.random.choice(words) for _ in range(count)]}

    def _begin_turn(self, session):
        if session.turn:
            return {"turn": session.turn.id, "resume": True}
        self.turns += 1
        return {"turn": f"turn-{self.turns}", "message": self.message()}

    def _checkpoint(self, session):
        return {"turn": session.turn.id, "activity": self.step(), "fields": {"title": encoded_text(self.text(20))}}

    def _materialise(self, session):
        return {"cause": self.random.choice(["process_restart", "unknown"])}

    def _enqueue(self, session):
        return {"queued": f"queued-{self.step()}", "message": self.message()}

    def _edit_queued(self, session):
        return {"queued": self.random.choice(free(session)).id, "message": self.message()}

    def _drop_queued(self, session):
        return {"queued": self.random.choice(free(session)).id}

    def _claim(self, session):
        if not session.turn and self.random.random() < 0.5:
            self.turns += 1
            return {"owner": "w", "begin_turn": True, "turn": f"turn-{self.turns}"}
        fields = {"owner": "w", "claim": f"claim-{self.step()}", "lease_ms": LEASE}
        if self.random.random() < 0.3:
            fields["queued"] = self.random.choice(free(session)).id
        return fields

    def _complete(self, session):
        message = self.random.choice(held(session))
        return {"queued": message.id, "claim": message.claim, "messages": [self.message()]}

    def _release(self, session):
        message = self.random.choice(held(session))
        return {"queued": message.id, "claim": message.claim}

    def step(self):
        """A number that was not used before."""
        self.steps += 1
        return self.steps

    def _delta(self, session):
        return {"turn": session.turn.id, "data": encoded_text(self.text(40))}

    def _end_turn(self, session):
        return {"turn": session.turn.id, "status": self.random.choice(["completed", "cancelled", "failed"]),
                "messages": [self.message() for _ in range(self.random.randint(0, 3))],
                "keep_message": self.random.random() < 0.8}

    def _rotate(self, session):
        fields = self._duplicate(session) | {"old_fields": {"n": b"2.50"}}
        if self.random.random() < 0.5:
            messages = [self.message() for _ in range(self.random.randint(0, 3))]
            fields |= {"messages": messages} | (self.lists(len(messages)) if messages else {})
        return fields

    def _branch(self, session):
        count = self.random.randint(0, len(session.messages))
        return self._duplicate(session) | ({"count": count} if self.random.random() < 0.7 else {})

    def _duplicate(self, session):
        return {"new_session": f"made {self.step()}", "fields": {"model": encoded_text(self.text(20))}}

    def _archive(self, session):
        return {"archived": self.random.random() < 0.5}

    def _pin(self, session):
        return {"pinned": self.random.random() < 0.5}

    def _rename(self, session):
        return {"title": f"  title {self.step()} "}

    def _set_title(self, session):
        return {"title": f"title\t{self.step()}\u200b"}

    def _draft(self, session):
        return {"text": self.text(200)}

    def _abandon_turn(self, session):
        return {"turn": session.turn.id}

    def _router(self, session):
        return next_event(session.router, self.random)

    def _compact(self, session):
        return {}

    def _delete(self, session):
        return {}

    def message(self):
        """A message; mostly short, now and then longer than a sector, a page, a compression block."""
        if self.random.random() < 0.1:
            return self.random.choice(ODD)
        size = self.random.choice([20, 20, 100, 100, 600, 600, 5000, 40_000])
        role = self.random.choice([b"user", b"assistant", b"assistant", b"tool"])
        return b'{"role":"' + role + b'","content":' + encoded_text(self.text(size)) + b"}"

    def text(self, size):
        """Text that compresses about as well as real text."""
        words = [self.random.choice(WORDS) for _ in range(size // 6)]
        return " ".join(words) + f" {self.random.getrandbits(64):x}"


WORDS = ("the session journal segment of a turn is kept when power fails and every record that was acknowledged "
         "comes back as it went in; read file write tool call result error ok 0 1 42").split()


def encoded_text(text):
    """A JSON string."""
    return json.dumps(text, ensure_ascii=False).encode()
