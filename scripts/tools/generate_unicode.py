#!/usr/bin/env python3
"""Generates src/text/unicode/unicode_data.c from what the Hugging Face `tokenizers` package does.

BERT tokenization depends on five facts about a code point: is it white space, is it dropped by
text cleaning, is it punctuation, is it an accent that stripping removes, and what it decomposes
and lowercases to. The package answers from several Rust crates, each frozen at another Unicode
version, and no published table equals the mixture. So nothing is read from a Unicode database
here: every code point is put to the package, in contexts that isolate one fact at a time, and the
answers are written down.

    scripts/tools/generate_unicode.py            rewrites src/text/unicode/unicode_data.c
    scripts/tools/generate_unicode.py --check    exits 1 where the committed file differs
"""

import argparse
import pathlib
import sys

import tokenizers
from tokenizers import normalizers, pre_tokenizers

TARGET = pathlib.Path(__file__).resolve().parents[2] / "src" / "text" / "unicode" / "unicode_data.c"
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
PAGE_SIZE = 64

# The bits of a property word, as in src/text/unicode/unicode.h.
SPACE, OTHER, PUNCTUATION, IDEOGRAPH = 1, 2, 4, 8
MARK, DECOMPOSES, LOWERS, PUNCTUATION_WHEN_STRIPPED = 16, 32, 64, 128
ORDER_SHIFT = 8
ORDER_OF_STRIPPED = 15


def bert_normalizer(**wanted):
    options = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
    options.update(wanted)
    return normalizers.BertNormalizer(**options).normalize_str


clean = bert_normalizer(clean_text=True)
isolate = bert_normalizer(handle_chinese_chars=True)
strip = bert_normalizer(strip_accents=True)
lowercase = bert_normalizer(lowercase=True)
decompose = normalizers.NFD().normalize_str
split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str


def ask_simple_properties():
    """The facts that show on a code point alone, as {code point: bits}."""
    bits = {}
    for c in CODE_POINTS:
        char, word = chr(c), 0
        cleaned = clean(char)
        if cleaned == "":
            word |= OTHER
        pieces = [piece for piece, _ in split("a" + char + "b")]
        if pieces == ["a", "b"]:
            word |= SPACE
        elif pieces == ["a", char, "b"]:
            word |= PUNCTUATION
        elif pieces != ["a" + char + "b"]:
            raise SystemExit(f"U+{c:04X}: the splitter answers {pieces}")
        expected = "" if word & OTHER else " " if word & SPACE else char
        if cleaned != expected:
            raise SystemExit(f"U+{c:04X}: cleaning gives {cleaned!r}, white space says {expected!r}")
        if isolate(char) != char:
            if isolate(char) != f" {char} ":
                raise SystemExit(f"U+{c:04X}: isolation gives {isolate(char)!r}")
            word |= IDEOGRAPH
        bits[c] = word
    return bits


def hangul(c):
    """The arithmetic decomposition of a Hangul syllable, which the C code does itself."""
    index = c - 0xAC00
    text = chr(0x1100 + index // 588) + chr(0x1161 + index % 588 // 28)
    return text + (chr(0x11A7 + index % 28) if index % 28 else "")


def ask_decompositions():
    table = {}
    for c in CODE_POINTS:
        text = decompose(chr(c))
        if 0xAC00 <= c < 0xD7A4:
            if text != hangul(c):
                raise SystemExit(f"U+{c:04X}: not decomposed as a Hangul syllable")
        elif text != chr(c):
            table[c] = text
    return table


def ask_combining_classes(marks_by_class, decompositions):
    """{code point: canonical combining class} of all that have one, seen from how pairs reorder."""
    low, high = marks_by_class[1], marks_by_class[240]
    classes = {}
    for c in CODE_POINTS:
        char = chr(c)
        if c in decompositions or 0xAC00 <= c < 0xD7A4:
            continue
        if decompose(char + low) == char + low and decompose(high + char) == high + char:
            continue
        for value, mark in marks_by_class.items():
            if decompose(char + mark) == char + mark and decompose(mark + char) == mark + char:
                classes[c] = value
                break
        else:
            raise SystemExit(f"U+{c:04X}: reorders, but like none of the known classes")
    return classes


# One mark of every canonical combining class; the package is asked where a code point sorts.
CLASS_MARKS = {
    1: 0x334, 6: 0x16FF0, 7: 0x93C, 8: 0x3099, 9: 0x94D, 10: 0x5B0, 11: 0x5B1, 12: 0x5B2, 13: 0x5B3, 14: 0x5B4,
    15: 0x5B5, 16: 0x5B6, 17: 0x5B7, 18: 0x5B8, 19: 0x5B9, 20: 0x5BB, 21: 0x5BC, 22: 0x5BD,
    23: 0x5BF, 24: 0x5C1, 25: 0x5C2, 26: 0xFB1E, 27: 0x64B, 28: 0x64C, 29: 0x64D, 30: 0x64E,
    31: 0x64F, 32: 0x650, 33: 0x651, 34: 0x652, 35: 0x670, 36: 0x711, 84: 0xC55, 91: 0xC56,
    103: 0xE38, 107: 0xE48, 118: 0xEB8, 122: 0xEC8, 129: 0xF71, 130: 0xF72, 132: 0xF74,
    202: 0x321, 214: 0x1DCE, 216: 0x31B, 218: 0x302A, 220: 0x316, 222: 0x59A, 224: 0x302E,
    226: 0x1D16D, 228: 0x5AE, 230: 0x300, 232: 0x302C, 233: 0x35C, 234: 0x35D, 240: 0x345,
}


def known_class_marks():
    """The marks above that the package's tables know, each checked to sort where it should."""
    anchors = [(1, "\u0334"), (240, "\u0345")]
    marks = {}
    for value, c in CLASS_MARKS.items():
        char = chr(c)
        sorts = [decompose(mark + char) == (char + mark if value < other else mark + char)
                 for other, mark in anchors]
        if all(sorts) and (value == 1 or decompose(char + "\u0334") == "\u0334" + char):
            marks[value] = char
    for lower, upper in zip(list(marks), list(marks)[1:]):
        if decompose(marks[upper] + marks[lower]) != marks[lower] + marks[upper]:
            raise SystemExit(f"combining classes {lower} and {upper} are not in order")
    return marks


def complete_properties(bits, decompositions, classes):
    """Adds accents, mappings and canonical order to `bits`; returns the lowercase mapping."""
    marks = {c for c in CODE_POINTS if c not in decompositions and strip(chr(c)) == ""}
    kept_classes = sorted({classes[c] for c in classes if c not in marks})
    if len(kept_classes) >= ORDER_OF_STRIPPED:
        raise SystemExit("too many combining classes of kept marks for four bits")
    lowers = {}
    for c in CODE_POINTS:
        char = chr(c)
        if c in marks:
            bits[c] |= MARK
        if c in classes:
            order = ORDER_OF_STRIPPED if c in marks else kept_classes.index(classes[c]) + 1
            bits[c] |= order << ORDER_SHIFT
        if decompose(char) != char:
            bits[c] |= DECOMPOSES
            stripped = strip(char)
            if stripped != "".join(x for x in decompose(char) if ord(x) not in marks):
                raise SystemExit(f"U+{c:04X}: stripping is not decomposing less marks")
            check_boundaries(c, stripped, bits)
            if len(stripped) == 1 and bits[ord(stripped)] & PUNCTUATION:
                bits[c] |= PUNCTUATION_WHEN_STRIPPED
        if lowercase(char) != char:
            bits[c] |= LOWERS
            lowers[c] = lowercase(char)
    for c in CODE_POINTS:
        check_order(c, bits, lowers)
    return lowers


def check_boundaries(c, stripped, bits):
    """The C code decides where words end before it decomposes: hold that this gives the same."""
    boundary = [x for x in stripped if bits[ord(x)] & (SPACE | PUNCTUATION)]
    if boundary and len(stripped) != 1:
        raise SystemExit(f"U+{c:04X}: decomposes into a boundary and more")
    if any(bits[ord(x)] & SPACE for x in stripped) != bool(bits[c] & SPACE):
        raise SystemExit(f"U+{c:04X}: decomposes into or out of white space")
    if bits[c] & PUNCTUATION and not (boundary and bits[ord(stripped)] & PUNCTUATION):
        raise SystemExit(f"U+{c:04X}: punctuation that decomposes into none")


def check_order(c, bits, lowers):
    """Marks that reorder must be ordinary word characters with no lowercase form."""
    if bits[c] >> ORDER_SHIFT and bits[c] & (SPACE | OTHER | PUNCTUATION | IDEOGRAPH | LOWERS):
        raise SystemExit(f"U+{c:04X}: a boundary that takes part in canonical order")
    if c in lowers and any(bits[ord(x)] & (SPACE | PUNCTUATION) for x in lowers[c]):
        raise SystemExit(f"U+{c:04X}: lowercases into a boundary")


def pages_of(bits):
    """Two-level table: page number of every PAGE_SIZE code points, and the distinct pages."""
    index, pages, seen = [], [], {}
    for start in range(0, 0x110000, PAGE_SIZE):
        page = tuple(bits.get(c, 0) for c in range(start, start + PAGE_SIZE))
        if page not in seen:
            seen[page] = len(pages)
            pages.append(page)
        index.append(seen[page])
    return index, pages


def array(kind, name, values, form):
    lines, line = [], "   "
    for value in values:
        item = " " + form.format(value) + ","
        if len(line) + len(item) > 100:
            lines.append(line)
            line = "   "
        line += item
    lines.append(line)
    return f"const {kind} {name}[{len(values)}] = {{\n" + "\n".join(lines) + "\n};\n"


def mapping(name, table):
    """Sorted keys, and for each the end of its values in one pool."""
    keys, ends, pool = sorted(table), [0], []
    for key in keys:
        pool += [ord(x) for x in table[key]]
        ends.append(len(pool))
    return "\n".join([
        f"const uint32_t wt_unicode_{name}_count = {len(keys)};",
        array("uint32_t", f"wt_unicode_{name}_keys", keys, "0x{:X}"),
        array("uint16_t", f"wt_unicode_{name}_starts", ends, "{}"),
        array("uint32_t", f"wt_unicode_{name}_values", pool, "0x{:X}")])


def generate():
    bits = ask_simple_properties()
    decompositions = ask_decompositions()
    classes = ask_combining_classes(known_class_marks(), decompositions)
    lowers = complete_properties(bits, decompositions, classes)
    index, pages = pages_of(bits)
    flat = [word for page in pages for word in page]
    return "\n".join([
        "/* Generated by scripts/tools/generate_unicode.py: do not edit.",
        f" * Source: the behaviour of the Python package tokenizers {tokenizers.__version__}, asked for",
        " * each of the 1,112,064 Unicode scalar values. unicode.h says what the bits mean. */",
        '#include "text/unicode/unicode_data.h"',
        "",
        "/* clang-format off */",
        f'const char wt_unicode_source[] = "tokenizers {tokenizers.__version__}";',
        "",
        array("uint8_t" if len(pages) <= 256 else "uint16_t", "wt_unicode_page_index", index, "{}"),
        array("uint16_t", "wt_unicode_pages", flat, "{}"),
        mapping("decomposition", decompositions),
        mapping("lowercase", lowers),
        "/* clang-format on */",
        ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    arguments = parser.parse_args()
    text = generate()
    if not arguments.check:
        TARGET.write_text(text)
        return 0
    if TARGET.read_text() == text:
        return 0
    print(f"{TARGET} differs from what tokenizers {tokenizers.__version__} does; "
          "run scripts/tools/generate_unicode.py and look at the difference", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
