#!/usr/bin/env python3
"""Puts the switches of mutants.txt into a copy of the sources.

    apply.py SOURCE_DIR COPY_DIR

The product's sources hold no trace of mutants. This makes a copy in which each place that
mutants.txt names has its switch. A place that does not stand in its file exactly once is an
error: the table must be brought up to date with the code it breaks. Files of the copy whose
content stays the same keep their time, so that little is compiled again.
"""
import pathlib
import subprocess
import sys


class Replacement:
    def __init__(self, path, line):
        self.path = path
        self.line = line
        self.old = []
        self.new = []


def read_table(table):
    replacements = []
    for number, line in enumerate(table.read_text().splitlines(), 1):
        if line.startswith("@@ "):
            replacements.append(Replacement(line[3:], number))
        elif line.startswith("-"):
            replacements[-1].old.append(line[2:])
        elif line.startswith("+"):
            replacements[-1].new.append(line[2:])
        elif line and not line.startswith("#"):
            sys.exit(f"{table}:{number}: neither '@@ file', '- old', '+ new' nor '# remark'")
    return replacements


def squeeze(text):
    """Without what clang-format decides: layout inside and between lines."""
    return "".join(text.split())


def apply(text, replacement, where):
    """Finds the old lines whatever their layout, and puts the new ones in their place."""
    wanted = squeeze("".join(replacement.old))
    positions = [i for i, c in enumerate(text) if not c.isspace()]
    squeezed = "".join(text[i] for i in positions)
    count = squeezed.count(wanted)
    if count != 1:
        sys.exit(f"{where}: stands {count} times in {replacement.path}, not once: "
                 "bring the table up to date")
    start = squeezed.index(wanted)
    begin, end = positions[start], positions[start + len(wanted) - 1] + 1
    return text[:begin] + "\n".join(replacement.new) + text[end:]


def write_if_changed(path, data):
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def main():
    source, copy = map(pathlib.Path, sys.argv[1:3])
    table = source / "tests/mutants/mutants.txt"
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=source, check=True,
                            capture_output=True, text=True).stdout.split("\n")
    files = {name: (source / name).read_bytes() for name in listed
             if name and (source / name).is_file()}
    changed = {}
    for replacement in read_table(table):
        if replacement.path not in files:
            sys.exit(f"{table}:{replacement.line}: there is no {replacement.path}")
        text = changed.get(replacement.path) or files[replacement.path].decode()
        changed[replacement.path] = apply(text, replacement, f"{table}:{replacement.line}")
    for name, data in files.items():
        if name in changed:
            data = ('#include "base/mutant.h"\n' + changed[name]).encode()
        target = copy / name
        write_if_changed(target, data)
        if (source / name).stat().st_mode & 0o111:
            target.chmod(0o755)


main()
