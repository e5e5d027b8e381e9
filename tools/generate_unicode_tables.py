#!/usr/bin/env python3
"""Writes the tables of letters and numbers that the pre-tokenizers cut text by.

    tools/generate_unicode_tables.py UnicodeData.txt > src/imo/model/unicode_tables.cpp

UnicodeData.txt comes with Debian's package unicode-data (15.0.0 in Debian 12). The result is
committed: token ids must not depend on the Unicode version of the machine they are made on.
"""

import sys


def categories(path):
    """Yields (first, last, category) for every line, with First/Last pairs joined."""
    first = None
    with open(path, encoding="ascii") as lines:
        for line in lines:
            code, name, category = line.split(";")[:3]
            if name.endswith("First>"):
                first = int(code, 16)
            elif name.endswith("Last>"):
                yield first, int(code, 16), category
            else:
                yield int(code, 16), int(code, 16), category


def ranges(path, wanted):
    """The maximal ranges of code points whose general category begins with `wanted`."""
    found = []
    for first, last, category in categories(path):
        if category[0] != wanted:
            continue
        if found and found[-1][1] + 1 == first:
            found[-1][1] = last
        else:
            found.append([first, last])
    return found


def table(name, found):
    print(f"constexpr CodePointRange {name}[] = {{")
    line = "   "
    for first, last in found:
        item = f" {{0x{first:04X}, 0x{last:04X}}},"
        if len(line) + len(item) > 100:
            print(line)
            line = "   "
        line += item
    print(line)
    print("};\n")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print("// Made by tools/generate_unicode_tables.py from Unicode 15.0.0; do not edit.\n")
    print('#include "imo/model/unicode_tables.hpp"\n')
    print("namespace imo::model {\nnamespace {\n")
    print("// clang-format off")
    table("kLetters", ranges(sys.argv[1], "L"))
    table("kNumbers", ranges(sys.argv[1], "N"))
    print("// clang-format on\n}  // namespace\n")
    for function, name in (("letter_ranges", "kLetters"), ("number_ranges", "kNumbers")):
        print(f"std::span<const CodePointRange> {function}() {{\n  return {name};\n}}\n")
    print("}  // namespace imo::model")


if __name__ == "__main__":
    main()
