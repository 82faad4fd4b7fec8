"""What a session is that is made from another one: the rules of rotations, branches and copies, as plainly as possible."""

import copy
import json

FORKS = ("rotate", "branch", "duplicate")


def forked(session, op, id, fields):
    """The session that `op`, with these fields, makes from `session`, whose id is `id`, as it is now."""
    new = type(session)(sequence=1, rows=shared(session, fields.get("count")), fields=dict(session.fields))
    if op == "rotate":
        new.fields["parent_session_id"] = json.dumps(id, ensure_ascii=False).encode()
        new.turn, new.queue = copy.deepcopy(session.turn), copy.deepcopy(session.queue)
        new.router = session.router
        if "messages" in fields:
            new.rows = session.placed(fields["messages"], fields.get("list", "both"))
    else:
        title = json.loads(new.fields.get("title", b'""')) or "Untitled"
        suffix = " (fork)" if op == "branch" else " (copy)"
        new.fields["title"] = json.dumps(title + suffix, ensure_ascii=False).encode()
        clear_flag(new, "pinned")
    if op == "branch":
        new.fields |= {"parent_session_id": json.dumps(id, ensure_ascii=False).encode(), "session_source": b'"fork"'}
        clear_flag(new, "archived")
        new.fields.pop("composer_draft", None)
    new.fields |= fields.get("fields", {})
    return new


def shared(session, count):
    """The messages of the first `count` visible ones and of the context that leads to them. What is hidden stays."""
    visible, context = session.active("visible"), session.active("context")
    if count is not None:
        context = context[:session.context_count(count)]
        visible = visible[:count]
    rows = []
    for row in session.rows:
        lists = [name for name, kept in (("visible", visible), ("context", context))
                 if any(row is other for other in kept)]
        if lists:
            new = copy.copy(row)
            new.state = {name: "active" for name in lists}
            rows.append(new)
    return rows


def leave(session, old_fields):
    """What a rotation leaves under the old id."""
    clear_flag(session, "pinned")
    session.fields |= old_fields
    session.turn, session.queue, session.router, session.is_rotated = None, [], None, True


def clear_flag(session, name):
    """Makes the field `name` false if it is there."""
    if name in session.fields:
        session.fields[name] = b"false"
