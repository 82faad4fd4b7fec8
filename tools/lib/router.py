"""What the router's entry of a session must be: the rules of its events, as plainly as possible."""

from dataclasses import dataclass, replace

TIERS = ("SIMPLE", "MEDIUM", "COMPLEX", "REASONING")


@dataclass(frozen=True)
class Entry:
    """The members of an answer that do not depend on the time."""
    model: str
    tier: str
    user_explicit: bool = False
    request_count: int = 1
    recent_hashes: tuple = ()
    strikes: int = 0
    escalated: bool = False
    cache_sticky: bool = False
    provider: str = ""
    session_cost_micros: int = 0


def after(entry, event, model=None, tier="", user_explicit=False, hash=None, micros=0, provider=None, durability=None):
    """The entry, or None, as an event leaves it."""
    if event == "set" and entry is None:
        return Entry(model, tier, user_explicit)
    if event == "clear" or entry is None:
        return None
    if event in ("set", "touch"):
        entry = replace(entry, request_count=entry.request_count + 1)
    if event == "set":
        entry = replace(entry, user_explicit=entry.user_explicit or user_explicit)
        return entry if model == entry.model else replace(entry, model=model, tier=tier)
    if event == "hash":
        strikes = entry.strikes + (entry.recent_hashes[-1:] == (hash,))
        return replace(entry, recent_hashes=(entry.recent_hashes + (hash,))[-3:], strikes=strikes)
    if event == "escalate" and not entry.user_explicit:
        rank = TIERS.index(entry.tier) if entry.tier in TIERS else 1
        return replace(entry, escalated=True, tier=TIERS[min(rank + 1, 3)])
    if event == "cost":
        return replace(entry, session_cost_micros=entry.session_cost_micros + micros)
    if event == "sticky" and not entry.cache_sticky:
        return replace(entry, cache_sticky=True, provider=provider)
    return entry


def next_event(entry, random):
    """A random event that changes `entry`, and what it takes: one that changes nothing has no record."""
    while True:
        event = random.choice(["set", "touch", "hash", "hash", "escalate", "cost", "sticky", "clear"] if entry else ["set"])
        fields = {"event": event}
        if event == "set":
            fields |= {"model": random.choice(["a/one", "b/two", "three"]), "tier": random.choice(TIERS + ("", "odd")),
                       "user_explicit": random.random() < 0.1}
        if event == "touch":  # otherwise it may be written later, with others
            fields["durability"] = "durable"
        if event == "hash":
            fields["hash"] = random.choice(["h1", "h2"])
        if event == "cost":
            fields["micros"] = random.randint(-5, 5000)
        if event == "sticky":
            fields["provider"] = random.choice(["anthropic", "vllm"])
        if after(entry, **fields) != entry:
            return fields
