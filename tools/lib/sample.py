"""Makes a small folder of conversations, for those who have none at hand. The same one each time."""

import json
import os
import random

SESSIONS = 12

TASKS = [
    ("rename-flag", "Rename --colour to --color everywhere, and keep the old spelling working."),
    ("slow-query", "The report page takes nine seconds. Find out why."),
    ("flaky-test", "test_reconnect fails about once in twenty runs on the build server. Make it honest."),
    ("release-notes", "Write the release notes for 2.4 from the merged pull requests."),
    ("csv-import", "Customers send CSV with semicolons. Accept both and say which one was found."),
    ("memory-leak", "The worker grows by 40 MB an hour. Where does it go?"),
    ("docs-typos", "Proofread docs/install.md, please; change nothing but mistakes."),
    ("dark-mode", "Add a dark theme that follows the system setting."),
    ("rate-limit", "Add a rate limit of 100 requests a minute per key, with a clear answer when it is hit."),
    ("ci-cache", "The build installs everything anew each time. Can it be cached?"),
    ("grüße", "Die Begrüßung auf der Startseite soll Umlaute richtig anzeigen. Schau dir das bitte an."),
    ("move-host", "We move to a new host on Friday. Make a checklist from the runbook."),
]
FILES = ["src/app.py", "src/store/query.py", "src/net/client.py", "tests/test_client.py", "docs/install.md",
         "web/theme.css", "Makefile", "src/cli/options.py", "src/import/csv_reader.py", "ops/runbook.md"]
VERBS = ["open", "read", "send", "retry", "parse", "merge", "close", "load", "find", "count", "check", "format"]
NOUNS = ["request", "row", "option", "session", "header", "page", "theme", "report", "token", "worker", "cache"]
THOUGHTS = ["Let me look at {file} first.", "{file} has what we need; the {noun} is made in one place only.",
            "That explains it: the {noun} is never closed when {verb} fails.", "I will change {file} and run the tests.",
            "The tests pass. One thing is left: the {noun} in {file} needs the same change.",
            "Before I {verb} the {noun}, I want to see who calls it."]


def make_sample(folder):
    """Writes one file for each conversation into `folder`."""
    os.makedirs(folder)
    for index, (name, task) in enumerate(TASKS[:SESSIONS]):
        with open(os.path.join(folder, name + ".jsonl"), "w", encoding="utf-8") as file:
            for message in conversation(random.Random(index), task):
                file.write(json.dumps(message, ensure_ascii=index % 2 == 0) + "\n")


def conversation(rng, task):
    """The messages of one task: a prompt, a few tool calls with their results, an answer."""
    yield {"role": "user", "content": task, "priority": 1.0}
    for step in range(rng.randint(9, 18)):
        call = f"call_{rng.getrandbits(48):012x}"
        file = rng.choice(FILES)
        tool, result = rng.choice([("read_file", source), ("run_tests", test_log), ("search", matches)])
        yield {"role": "assistant", "content": filled(rng, rng.choice(THOUGHTS), file),
               "tool_calls": [{"id": call, "type": "function",
                               "function": {"name": tool, "arguments": json.dumps({"path": file, "step": step})}}]}
        yield {"role": "tool", "tool_call_id": call, "content": result(rng, file)}
    yield {"role": "assistant", "content": filled(rng, "Done. " + " ".join(rng.sample(THOUGHTS, 2)), rng.choice(FILES))}


def filled(rng, text, file):
    return text.format(file=file, noun=rng.choice(NOUNS), verb=rng.choice(VERBS))


def source(rng, file):
    """Something that looks like a source file."""
    lines = [f"# {file}"]
    for _ in range(rng.randint(4, 14)):
        verb, noun, other = rng.choice(VERBS), rng.choice(NOUNS), rng.choice(NOUNS)
        lines += [f"def {verb}_{noun}({other}, limit={rng.randint(1, 500)}):",
                  f"    if {other} is None or len({other}) > limit:",
                  f"        raise ValueError(\"cannot {verb} this {noun}: {other} has %d entries\" % len({other}))",
                  f"    return [{rng.choice(VERBS)}(each) for each in {other}[:{rng.randint(2, 90)}]]", ""]
    return "\n".join(lines)


def test_log(rng, file):
    """Something that looks like the output of a test run."""
    names = [f"{file}::test_{rng.choice(VERBS)}_{rng.choice(NOUNS)}" for _ in range(rng.randint(5, 25))]
    lines = [f"{name} {rng.choice(['PASSED'] * 9 + ['FAILED'])} [{rng.random():.3f}s]" for name in names]
    return "\n".join(lines + [f"{len(lines)} tests in {rng.uniform(0.5, 90):.2f}s"])


def matches(rng, file):
    """Something that looks like the output of a search."""
    return "\n".join(f"{rng.choice(FILES)}:{rng.randint(1, 900)}: {rng.choice(VERBS)}_{rng.choice(NOUNS)}("
                     f"{rng.choice(NOUNS)}={rng.randint(0, 99)})" for _ in range(rng.randint(1, 20)))
