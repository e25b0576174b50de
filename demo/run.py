"""The main job on real input: store notes and a conversation, ask in other words, see why.

It uses the same Python interface as a program of yours would: `recollect.open` and three calls.
"""

import json
import tempfile
from pathlib import Path
from secrets import token_hex
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.panel import Panel

import recollect
from recollect.operations import Hit

HERE = Path(__file__).parent
console = Console()


def main() -> None:
    """Fill a scope of its own, ask it every question, and take everything away again."""
    scope = f"demo-{token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder, recollect.open(folder) as memory:
        try:
            store(memory, scope)
            ask(memory, scope)
        finally:
            # What the settings keep elsewhere, in PostgreSQL, does not go with the folder.
            for stored in memory.forget_scope(scope, look="subtree", confirm=True).ids:
                memory.erase(stored)


def store(memory: recollect.Client, scope: str) -> None:
    """Store the notes and the conversation."""
    started = perf_counter()
    notes = lines("notes.jsonl")
    for note in notes:
        memory.remember(
            note["content"], name=note["name"], tags=note["tags"], scope=f"{scope}/work"
        )
    messages = lines("conversation.jsonl")
    memory.ingest(messages, scope=f"{scope}/friends", session="chat")
    took = perf_counter() - started
    console.print(f"Stored {len(notes)} notes and {len(messages)} messages in {took:.2f} s.\n")


def ask(memory: recollect.Client, scope: str) -> None:
    """Ask every question, and show what answers it."""
    for asked in lines("questions.jsonl"):
        answer = memory.recall(asked["question"], scope=f"{scope}/{asked['scope']}", limit=2)
        without = f", without {', '.join(answer.degraded)}" if answer.degraded else ""
        console.print(
            Panel(
                "\n\n".join(shown(hit) for hit in answer.results),
                title=f"[bold]{asked['question']}",
                subtitle=f"{answer.took_ms:.1f} ms{without}",
                title_align="left",
                subtitle_align="right",
            )
        )


def shown(hit: Hit) -> str:
    """A hit as people read it: the passage, where it is from, why it is here."""
    memory = hit.memory
    who = memory.name or f"{memory.producer}, {memory.occurred_at:%d %B %Y}"
    heading = f" › {hit.matched.heading}" if hit.matched.heading else ""
    why = ", ".join(
        f"{name} {'no rank' if arm.rank is None else f'#{arm.rank}'} ({arm.score:.2f})"
        for name, arm in hit.arms.items()
    )
    return f"{hit.matched.text}\n[cyan]{who}{heading}[/cyan] · score {hit.score:.2f} · {why}"


def lines(name: str) -> list[dict[str, Any]]:
    """The records of a JSON Lines file beside this one."""
    text = (HERE / name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


if __name__ == "__main__":
    main()
