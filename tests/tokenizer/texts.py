"""The texts that the comparisons with Hugging Face run on."""

import json
import random

import hugging_face as hf
import pytest

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
CODE_POINTS_A_TEXT = 32

# Ideographs, Hangul, Tangut, private use; the other planes but for the compatible ideographs and the tags. What one
# is, its neighbours are.
UNIFORM = [(0x3400, 0x4DC0), (0x4E00, 0xA000), (0xAC00, 0xD7A4), (0xE000, 0xF900), (0x17000, 0x18B00),
           (0x20000, 0x2F800), (0x2FA20, 0x30000), *((plane << 16, (plane + 1) << 16) for plane in range(3, 14)),
           (0xE0200, 0xF0000), (0xF0000, 0x100000), (0x100000, 0x110000)]
INSIDE = {c for start, end in UNIFORM for c in range(start + 2, end - 2) if c % 97}

# All that are in no such range, its ends, and one in 97 of the others.
CODE_POINTS_WITH_RULES = [c for c in CODE_POINTS if c not in INSIDE]

# For each kind of tokenizer one test of the default run has every code point; the others have them in the long run.
CHOSEN_CODE_POINTS = pytest.mark.parametrize("points", [
    pytest.param(CODE_POINTS_WITH_RULES, id="with-rules"),
    pytest.param(CODE_POINTS, id="all", marks=pytest.mark.long)])


def texts_of_code_points(pattern, points=CODE_POINTS):
    chunks = [points[i:i + CODE_POINTS_A_TEXT] for i in range(0, len(points), CODE_POINTS_A_TEXT)]
    return [" ".join(pattern(chr(c)) for c in chunk) for chunk in chunks]


def corpus():
    path = hf.ROOT / "tests" / "tokenizer" / "corpus.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def posts():
    path = hf.SHARED / "posts-ru-2000.jsonl"
    if not path.exists():
        pytest.skip(f"{path.name} is not there; the other texts are tested")
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def articles():
    path = hf.ROOT / "data" / "samples.jsonl"
    return [json.loads(line)["text"] for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def words_of_length():
    """Around the limit of 100 characters, and around the windows the text is read in."""
    texts = []
    for letter in ["a", "я", "Я", "ё", "é", "東", "가", "ก", "\U0001F600", "a\u0301", "и\u0306", "\u302E"]:
        for length in [*range(1, 70), 99, 100, 101, 5000]:
            texts += [letter * length, f"{letter * length}.", f" x {letter * length} мир", f"«{letter * length}»"]
    return texts


def specials_in_the_text():
    texts = []
    for special in hf.SPECIALS:
        for pattern in ["{}", "a{}", "{}a", "a{}a", "я{}я", "{0}{0}", "[{}]", "{} ", "e{}\u0301", "{}\u0301",
                        "a" * 40 + "{}" + "b" * 40]:
            texts.append(pattern.format(special))
        texts += [special.lower(), special[:-1], special[1:], special[:2] + "\0" + special[2:], f"[ {special[1:-1]} ]"]
    return texts


def blank_and_odd():
    spaces = "".join(chr(c) for c in CODE_POINTS if chr(c).isspace())
    controls = "".join(chr(c) for c in range(0xA0)) + "\u200B\u200C\u200D\u2060\uFEFF\uFFFD\u00AD\u0600\u06DD"
    return ["", " ", "\n\t ", spaces, controls, "\0", "\uFEFF", "\uFEFFабв", "абв\0где", controls.join("абвгд"),
            spaces.join("абвгд"), "а" + controls + "б " + controls + " в", "\u0301", "\u0301а \u0301"]


ALPHABETS = {
    "russian": "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗИЙ   ,.!?«»—-0123456789",
    "latin": "abcdefghijklmnopqrstuvwxyzABCÄÖÜßéèñçœÆøåŁżİıſẞ   ,.'\"()",
    "greek": "αβγδεζηθικλμνξοπρσςτυφχψωΆΈΉΊΌΎΏΐΰϊϋϓϔ  ·;",
    "semitic": "אבגדהוזחטיךכלםמןנסעפףצץקרשת\u05B0\u05B1\u05BC\uFB2Aابتثجحخدذرزس\u064B\u0651\u0670\u06DD  ،؟",
    "indic": "अआइकखगघ\u093C\u0941\u094D\u0902\u0903\u0929\u0958 ক\u09BE\u09C7\u09CB\u09DC ௐ\u0BCA\u0D4A \u0DDD।॥",
    "thai": "กขคงจฉชซ\u0E31\u0E34\u0E38\u0E48\u0E49\u0E4Dลาว ໄທ\u0EB4\u0EC8  ",
    "tibetan": "\u0F40\u0F43\u0F71\u0F72\u0F73\u0F74\u0F75\u0F81\u0F0B\u0F0D \u1026\u1B06\u1B3B",
    "korean": "가각갂한국어조선각ㄱㅏ  ,.",
    "chinese": "中文漢字\u3400\u9FFF\uF900\uFA0E\U0002F800\U00020000\U0002B740、。「」  a1",
    "japanese": "ひらがなカタカナがぎゔヴ\u3099\u309Aー々〆  。",
    "emoji": "😀👍🏽👨\u200D👩\u200D👧🇷🇺☺\uFE0F❤\uFE0F⚡1\uFE0F\u20E3  аb",
    "marks": "aeи\u0300\u0301\u0306\u0308\u0323\u0334\u0338\u0345\u034F\u0340\u0344\u20E3\u302E\u302F\U0001D165\U0001D16D ",
    "spaces": "аb \t\r\n\u00A0\u1680\u2003\u2028\u2029\u202F\u3000\u000B\u000C\u0085\u200B\uFEFF\0\u001F",
    "symbols": "≠≮≯⩵∑√€₽№°±×÷©®™½²ªºΩKÅ`´^~|\\/<=>$+_*#@&%{}[]a1я ",
}


def random_texts(alphabet, count=400):
    random_source = random.Random(alphabet)
    mixed = ALPHABETS[alphabet] + ALPHABETS["russian"][:20] + " "
    return ["".join(random_source.choices(mixed if number % 3 == 0 else ALPHABETS[alphabet],
                                          k=random_source.randrange(1, 120)))
            for number in range(count)]


def random_code_points():
    """Of all planes, and of the first, which has nearly all the rules."""
    random_source = random.Random("code points")
    texts = []
    for number in range(6000):
        end = [0x250, 0x800, 0x3000, 0xD800, 0x110000][number % 5]
        chars = [chr(random_source.randrange(end)) for _ in range(random_source.randrange(1, 60))]
        texts.append("".join(c for c in chars if not 0xD800 <= ord(c) < 0xE000))
    return texts


TEXTS = {
    "posts": posts,
    "lengths": words_of_length,
    "others": lambda: corpus() + articles() + specials_in_the_text() + blank_and_odd() + random_code_points() + [
        text for name in ALPHABETS for text in random_texts(name)],
}
