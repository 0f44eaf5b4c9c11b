"""The WordPiece vocabulary of the demonstration, and encoding with dropped matches.

Why not the usual WordPiece training: it makes tokens of what is frequent, and from this few texts
that leaves most words in pieces that say nothing. Russian inflects at the end of a word, so here the
tokens that begin a word are the beginnings of the texts' words, up to STEM_MAX letters, and the
tokens that go on are endings. Longest match first then works as a stemmer does: the first piece of a
word is its stem. (With the usual training a naive Bayes classifier over the tokens loses 15 points
of accuracy.) What comes out is an ordinary uncased WordPiece vocabulary: «Банк» is «банк», and
«приём» is «прием».

Its pieces come from the posts that the encoder is pre-trained on; stems that only the training texts
have are added when pre-training is done, each with the mean of the rows of the pieces it was.

Twins are tokens that learn as one; each has its row in the model's table, a copy of one row:
- all pictures (emoji and their parts): which one it is must say nothing;
- Latin letters and digits inside a word, which are most of a link;
- a stem and the same stem inside a word: channels glue an emoji to the first word («🔥Россия»), and
  WordPiece makes one word of both.
"""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from wiretag_modeling.tokenizer import SPECIAL_TOKENS, TokenizerOptions

OPTIONS = TokenizerOptions(lowercase=True)
POSTS_SIZE = 14500  # what the posts alone may fill
WORDS_SIZE = 16000  # with the stems of the training texts
SIZE = 19500  # with all pictures, and stems that stand inside a word; 7.5 MB of the bundle
PICTURE = "🔥"
PICTURES = ((0x2600, 0x27BF), (0x1F1E6, 0x1F1FF), (0x1F300, 0x1F64F), (0x1F680, 0x1F6FF), (0x1F900, 0x1F9FF))
GLUED_MIN = 4  # letters of a stem that also stands inside a word
STEM_MAX = 6
ENDING_MAX = 6
ENDING_COUNT_MIN = 4
ENDINGS_MAX = 2500  # the most frequent ones
EMOJI_COUNT_MIN = 5
# Letters are in the vocabulary at the start of a word and inside it, so that words the training
# texts lack fall into letters and not into [UNK].
LETTERS = "абвгдежзиклмнопрстуфхцчшщъыьэюяієґabcdefghijklmnopqrstuvwxyz0123456789"
SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~«»„“”‘’—–‑…•·№§©®°±²³×€₽£¥→←↑↓✓−"


def normalizer(options: TokenizerOptions = OPTIONS) -> BertNormalizer:
    return BertNormalizer(
        clean_text=options.clean_text,
        handle_chinese_chars=options.handle_chinese_chars,
        strip_accents=options.strip_accents,
        lowercase=options.lowercase,
    )


def rank_stems(texts: Iterable[str]) -> list[str]:
    """Beginnings of normalized words, the most useful first: by how often a text will show them."""
    rank: Counter[str] = Counter()
    shorter: Counter[str] = Counter()  # their beginnings, for words inflected early
    for text in texts:
        for word in re.findall(r"[^\W_]+", text):
            stem = word[:STEM_MAX]
            rank[stem] += 1
            shorter.update({stem[:length] for length in range(3, len(stem))})
    for stem, count in shorter.items():
        if count > 1:
            rank[stem] += 0.5 * count
    return sorted(rank, key=lambda stem: (-rank[stem], stem))


def endings_of(texts: Iterable[str]) -> set[str]:
    endings: Counter[str] = Counter()
    for text in texts:
        for word in re.findall(r"[^\W_]+", text):
            endings.update(word[i:] for i in range(3, len(word)) if len(word) - i <= ENDING_MAX)
    ranked = sorted(endings, key=lambda ending: (-endings[ending], ending))
    return {ending for ending in ranked[:ENDINGS_MAX] if endings[ending] >= ENDING_COUNT_MIN}


def emoji_of(texts: Iterable[str]) -> set[str]:
    """Signs that are no letters and no punctuation: emoji and the parts they are made of."""
    count = Counter(character for text in texts for character in text if ord(character) > 0x2000)
    return {
        character
        for character, times in count.items()
        if times >= EMOJI_COUNT_MIN and unicodedata.category(character) in ("So", "Sk", "Sm")
    }


def build_vocabulary(
    texts: Iterable[str],
    emoji: Iterable[str],
    size: int = WORDS_SIZE,
    known: Sequence[str] = (),
) -> list[str]:
    """At most `size` tokens, the same on every run: special ones, the rest sorted.

    `known` are tokens of an earlier vocabulary: all of them stay.
    """
    normal = normalizer()
    texts = [normal.normalize_str(text) for text in texts]
    tokens = set(known) - set(SPECIAL_TOKENS)
    tokens.update(LETTERS, (f"##{letter}" for letter in LETTERS), SIGNS)
    if not known:
        tokens.update(f"##{ending}" for ending in endings_of(texts))
    signs = emoji_of(texts).union(*(normal.normalize_str(sign) for sign in emoji))
    tokens.update(signs, (f"##{sign}" for sign in signs))
    for stem in rank_stems(texts):
        if len(tokens) + len(SPECIAL_TOKENS) >= size:
            break
        tokens.add(stem)
    return [*SPECIAL_TOKENS, *sorted(tokens)]


def is_picture(character: str) -> bool:
    """Emoji, their colours and the letters of flags; arrows of text, № and © are not."""
    return ord(character) >= 0x2190 and unicodedata.category(character) in ("So", "Sk")


def with_twins(
    tokens: Sequence[str], texts: Iterable[str], size: int = SIZE
) -> tuple[list[str], list[int]]:
    """The vocabulary with all pictures and, as many as there is room for, stems that stand inside a
    word, those that begin most of `texts` first; and the id whose row each token learns in."""
    normal = normalizer()
    whole = set(tokens)
    for first, last in PICTURES:
        whole.update(character for character in map(chr, range(first, last + 1)) if is_picture(character))
    glued = {}
    begins = (re.search(r"[^\W_]+", normal.normalize_str(text)) for text in texts)
    for stem in rank_stems(word[0] for word in begins if word):
        if len(whole) >= size:
            break
        inside = f"##{stem}"
        if len(stem) >= GLUED_MIN and stem in whole and inside not in whole:
            whole.add(inside)
            glued[inside] = stem
    ordered = [*SPECIAL_TOKENS, *sorted(whole - set(SPECIAL_TOKENS))]
    ids = {token: index for index, token in enumerate(ordered)}

    def twin(token: str) -> str:
        bare = token.removeprefix("##")
        if all(is_picture(character) for character in bare):
            return PICTURE
        if token != bare and bare.isascii() and bare.isalnum():
            return "##a"
        return glued.get(token, token)

    return ordered, [ids[twin(token)] for token in ordered]


class DroppingEncoder:
    """Encodes as WordPiece does, but now and then refuses the longest match and takes a shorter one.

    The model so meets a word in several cuts and learns its stem: with few texts, most words of a
    new article are inflected as never seen in training. Ids are those of the twins, if there are any.
    """

    def __init__(
        self,
        tokens: Sequence[str],
        options: TokenizerOptions = OPTIONS,
        twin_of: Sequence[int] | None = None,
    ) -> None:
        self.ids = dict(zip(tokens, twin_of or range(len(tokens)), strict=True))
        self.normalizer = normalizer(options)
        self.splitter = BertPreTokenizer()
        self.length_max = max(len(token) for token in tokens)

    def encode(self, text: str, tokens_max: int, drop: float, rng: random.Random) -> list[int]:
        ids = [self.ids["[CLS]"]]
        normalized = self.normalizer.normalize_str(text)
        for word, _ in self.splitter.pre_tokenize_str(normalized):
            ids.extend(self.pieces(word, drop, rng))
        return ids[: tokens_max - 1] + [self.ids["[SEP]"]]

    def pieces(self, word: str, drop: float, rng: random.Random) -> list[int]:
        pieces = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            best = None
            for end in range(min(len(word), start + self.length_max), start, -1):
                piece = self.ids.get(prefix + word[start:end])
                if piece is None:
                    continue
                best = (piece, end)
                if end == start + 1 or rng.random() >= drop:
                    break
            if best is None:
                return [self.ids["[UNK]"]]
            pieces.append(best[0])
            start = best[1]
        return pieces
