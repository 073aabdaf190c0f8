#!/usr/bin/env python3
"""Puts the switches of mutants.txt into a copy of the sources.

    apply.py SOURCE_DIR COPY_DIR
    apply.py --check SOURCE_DIR

The product's sources hold no trace of mutants. This makes a copy in which each place that
mutants.txt names has its switch. A place that does not stand in its file exactly once is an
error: the table must be brought up to date with the code it breaks. Files of the copy whose
content stays the same keep their time, so that little is compiled again. --check writes nothing.
"""
import pathlib
import sys

FOLDERS = ["base", "cmake", "consensus", "crypto", "examples", "include", "network", "node", "proto",
           "sim", "storage", "tests/mutants", "tests/scenarios", "tools"]
FILES = ["CMakeLists.txt", "CMakePresets.json", "tests/CMakeLists.txt"]
TABLE = "tests/mutants/mutants.txt"


class Replacement:
    def __init__(self, path, line):
        self.path = path
        self.line = line
        self.old = []
        self.new = []


def read_table(text):
    replacements = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("@@ "):
            replacements.append(Replacement(line[3:], number))
        elif line.startswith("-"):
            replacements[-1].old.append(line[2:])
        elif line.startswith("+"):
            replacements[-1].new.append(line[2:])
        elif line and not line.startswith("#"):
            sys.exit(f"{TABLE}:{number}: neither '@@ file', '- old', '+ new' nor '# remark'")
    return replacements


def squeeze(text):
    """Without what clang-format decides: layout inside and between lines."""
    return "".join(text.split())


def apply(text, replacement):
    """Finds the old lines whatever their layout, and puts the new ones in their place."""
    wanted = squeeze("".join(replacement.old))
    positions = [i for i, c in enumerate(text) if not c.isspace()]
    squeezed = "".join(text[i] for i in positions)
    count = squeezed.count(wanted)
    if count != 1:
        sys.exit(f"{TABLE}:{replacement.line}: stands {count} times in {replacement.path}, not once: "
                 "bring the table up to date")
    start = squeezed.index(wanted)
    begin, end = positions[start], positions[start + len(wanted) - 1] + 1
    return text[:begin] + "\n".join(replacement.new) + text[end:]


def read_sources(source):
    paths = [source / name for name in FILES]
    for folder in FOLDERS:
        paths += (path for path in (source / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(source)): path.read_bytes() for path in paths
            if "__pycache__" not in path.parts}


def check_is_clean(files):
    for name, data in files.items():
        if b"KILN_MUTANT(" in data and not name.startswith("tests/"):
            sys.exit(f"{name} holds a switch: it belongs into {TABLE}")


def with_switches(files):
    changed = {}
    for replacement in read_table(files[TABLE].decode()):
        if replacement.path not in files:
            sys.exit(f"{TABLE}:{replacement.line}: there is no {replacement.path}")
        text = changed.get(replacement.path) or files[replacement.path].decode()
        changed[replacement.path] = apply(text, replacement)
    return {name: ('#include "tests/mutants/mutant.h"\n' + text).encode()
            for name, text in changed.items()}


def write_if_changed(path, data):
    if path.exists() and path.read_bytes() == data:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    check = sys.argv[1] == "--check"
    files = read_sources(pathlib.Path(sys.argv[2 if check else 1]))
    check_is_clean(files)
    files.update(with_switches(files))
    if check:
        return
    copy = pathlib.Path(sys.argv[2])
    for name, data in files.items():
        write_if_changed(copy / name, data)


main()
