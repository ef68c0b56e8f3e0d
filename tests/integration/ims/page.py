# SPDX-License-Identifier: GPL-2.0-or-later
"""The blocks of docs/drop-in.md, so that the test uses what the page says and nothing else."""
import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs" / "drop-in.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.S | re.M)


class PageError(Exception):
    pass


def section(title):
    """The text under the heading that starts so, up to the next of its level."""
    text = PAGE.read_text(encoding="utf-8")
    match = re.search(rf"^## {re.escape(title)}.*?(?=^## |\Z)", text, re.S | re.M)
    if not match:
        raise PageError(f"docs/drop-in.md has no section '## {title}'")
    return match.group(0)


def blocks(title, language):
    found = [body for kind, body in BLOCK.findall(section(title)) if kind == language]
    if not found:
        raise PageError(f"'## {title}' has no block of {language}")
    return found


class Change:
    """One diff block: the file, and the lines before and after."""

    def __init__(self, block):
        lines = block.splitlines()
        if len(lines) < 4 or not lines[0].startswith("--- ") or not lines[1].startswith("+++ "):
            raise PageError(f"not a diff: {lines[:2]}")
        self.path = lines[0][4:].strip()
        body = [line for line in lines[2:] if not line.startswith("@@")]
        if any(line[:1] not in " +-" for line in body if line):
            raise PageError(f"{self.path}: a line that is neither kept, added nor taken away")
        self.old = [line[1:] for line in body if line[:1] != "+"]
        self.new = [line[1:] for line in body if line[:1] != "-"]
        self.added = sum(line.startswith("+") for line in body)
        self.removed = sum(line.startswith("-") for line in body)

    def apply(self, text):
        old, new = "\n".join(self.old) + "\n", "\n".join(self.new) + "\n"
        places = text.count(old)
        if places != 1:
            raise PageError(f"{self.path}: {places} places for {self.old!r}")
        return text.replace(old, new)


def changes(title):
    return [Change(block) for block in blocks(title, "diff")]


def apply(title, folder, only=lambda change: True):
    """Applies the section's diffs to folder, whose name replaces the first part of each path.
    Returns how many lines were added and taken away."""
    added = removed = 0
    for change in filter(only, changes(title)):
        target = folder / Path(change.path).relative_to(Path(change.path).parts[0])
        target.write_text(change.apply(target.read_text()))
        added, removed = added + change.added, removed + change.removed
    return added, removed
