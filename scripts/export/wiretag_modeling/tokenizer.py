"""The reference tokenizer of a bundle: Hugging Face `tokenizers`, built from a vocabulary.

wiretag's own tokenizer (src/text/) gives the same ids; the self-test of every bundle checks it.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
NEEDED_TOKENS = ("[UNK]", "[CLS]", "[SEP]")


@dataclass
class TokenizerOptions:
    """The options of tokenizer_config.json that change ids; the defaults are cased BERT's."""

    lowercase: bool = False
    clean_text: bool = True
    handle_chinese_chars: bool = True
    strip_accents: bool | None = None  # None: as lowercase says

    def to_manifest(self) -> dict:
        return {"type": "wordpiece", **asdict(self)}


def build_tokenizer(
    vocab_tokens: Sequence[str], options: TokenizerOptions, tokens_max: int = 512
) -> Tokenizer:
    """A tokenizer for `vocab_tokens` (index = id) whose encode(text).ids carries [CLS] and [SEP].

    Articles are cut to `tokens_max` ids, [CLS] and [SEP] included; 0 means no limit.
    """
    vocab = {token: index for index, token in enumerate(vocab_tokens)}
    for token in NEEDED_TOKENS:
        if token not in vocab:
            raise ValueError(f"the vocabulary has no {token} token; BERT vocabularies have one")
    tokenizer = Tokenizer(WordPiece(vocab, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = BertNormalizer(
        clean_text=options.clean_text,
        handle_chinese_chars=options.handle_chinese_chars,
        strip_accents=options.strip_accents,
        lowercase=options.lowercase,
    )
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True) for token in SPECIAL_TOKENS if token in vocab]
    )
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", vocab["[CLS]"]), ("[SEP]", vocab["[SEP]"])],
    )
    if tokens_max > 0:
        tokenizer.enable_truncation(tokens_max)
    return tokenizer
