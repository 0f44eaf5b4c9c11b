"""The WordPiece vocabulary of the training texts, and encoding with dropped matches."""

import random
from collections.abc import Iterable

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.trainers import WordPieceTrainer

from wiretag_modeling.tokenizer import SPECIAL_TOKENS, TokenizerOptions

# Every letter of these is in the vocabulary, at the start of a word and inside it, so that words
# the training texts lack fall into letters and not into [UNK].
LETTERS = (
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐЎ"
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
)
SIGNS = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~«»„“”‘’—–‑…•·№§©®°±²³×€₽£¥→←↑↓✓"
# A file name extension of an emoji, so to speak: it follows many, alone it means nothing.
VARIATION_SELECTOR = "\N{VARIATION SELECTOR-16}"
MATCH_DROP = 0.12


def build_normalizer(options: TokenizerOptions) -> BertNormalizer:
    return BertNormalizer(
        clean_text=options.clean_text,
        handle_chinese_chars=options.handle_chinese_chars,
        strip_accents=options.strip_accents,
        lowercase=options.lowercase,
    )


def train_vocabulary(
    texts: Iterable[str], size: int, emoji: Iterable[str], options: TokenizerOptions
) -> list[str]:
    """The tokens in id order: special tokens first, the rest sorted, the same on every run."""
    tokenizer = Tokenizer(WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = build_normalizer(options)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    trainer = WordPieceTrainer(
        vocab_size=size - 2 * len(LETTERS) - len(SIGNS),
        min_frequency=2,
        special_tokens=list(SPECIAL_TOKENS),
        show_progress=False,
    )
    tokenizer.train_from_iterator(list(texts), trainer)
    tokens = set(tokenizer.get_vocab()) - set(SPECIAL_TOKENS)
    tokens.update(LETTERS, (f"##{letter}" for letter in LETTERS), SIGNS)
    for sign in emoji:
        tokens.update(
            f"##{character}" if index else character for index, character in enumerate(sign)
        )
    return list(SPECIAL_TOKENS) + sorted(tokens)


class DroppingEncoder:
    """Encodes as WordPiece does, but now and then refuses the longest match and takes a shorter one.

    The model so meets a word in several cuts and learns its stem: with few texts, most words of a
    new article are inflected as never seen in training.
    """

    def __init__(self, tokens: list[str], options: TokenizerOptions) -> None:
        self.vocab = {token: index for index, token in enumerate(tokens)}
        self.normalizer = build_normalizer(options)
        self.splitter = BertPreTokenizer()
        self.length_max = max(len(token) for token in tokens)

    def encode(self, text: str, tokens_max: int, drop: float, rng: random.Random) -> list[int]:
        ids = [self.vocab["[CLS]"]]
        normalized = self.normalizer.normalize_str(text)
        for word, _ in self.splitter.pre_tokenize_str(normalized):
            ids.extend(self._word(word, drop, rng))
        return ids[: tokens_max - 1] + [self.vocab["[SEP]"]]

    def _word(self, word: str, drop: float, rng: random.Random) -> list[int]:
        pieces = []
        start = 0
        while start < len(word):
            prefix = "##" if start else ""
            best = None
            for end in range(min(len(word), start + self.length_max), start, -1):
                piece = self.vocab.get(prefix + word[start:end])
                if piece is None:
                    continue
                best = (piece, end)
                if end == start + 1 or rng.random() >= drop:
                    break
            if best is None:
                return [self.vocab["[UNK]"]]
            pieces.append(best[0])
            start = best[1]
        return pieces
