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
    """One diff block: its step, the file, and the lines before and after."""

    def __init__(self, step, block):
        self.step = step
        lines = block.splitlines()
        if len(lines) < 4 or not lines[0].startswith("--- ") or not lines[1].startswith("+++ "):
            raise PageError(f"not a diff: {lines[:2]}")
        self.path = Path(lines[0][4:].strip())
        body = [line for line in lines[2:] if not line.startswith("@@")]
        if any(line[:1] not in " +-" for line in body if line):
            raise PageError(f"{self.path}: a line that is neither kept, added nor taken away")
        self.old = "".join(line[1:] + "\n" for line in body if line[:1] != "+")
        self.new = "".join(line[1:] + "\n" for line in body if line[:1] != "-")
        self.added = sum(line.startswith("+") for line in body)
        self.removed = sum(line.startswith("-") for line in body)

    def apply(self, folder):
        target = folder / self.path.relative_to(self.path.parts[0])
        text = target.read_text()
        places = text.count(self.old)
        if places != 1:
            raise PageError(f"{self.path}: {places} places for {self.old!r}")
        target.write_text(text.replace(self.old, self.new))


def changes(title):
    """The diffs of a section in order; a step begins with a bold number, "**2. ..."."""
    step, found = "", []
    for match in re.finditer(r"^\*\*(\d+\..*?)\*\*|^```diff\n(.*?)^```$", section(title), re.S | re.M):
        if match.group(1):
            step = match.group(1)
        else:
            found.append(Change(step, match.group(2)))
    if not found:
        raise PageError(f"'## {title}' has no diff")
    return found


def apply(steps, folder):
    """Applies diffs to folder, whose name takes the place of the first part of each path. Returns
    how many lines were added and how many of the site's were changed."""
    for change in steps:
        change.apply(folder)
    return (sum(c.added - c.removed for c in steps), sum(c.removed for c in steps))
