"""Refuses what cannot become a working bundle, before anything expensive starts."""

import itertools
import unicodedata
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from .classifier import TextModel
from .labels import TASKS
from .measure import MODEL_ERRORS, ExportError, Runner, difference, last_line
from .tokenizer import SPECIAL_TOKENS, TokenizerOptions, build_tokenizer

PADDINGS = {"exact": 0, "padded-512": 512}
INPUTS = ("ids+lengths", "ids+mask")
# Of an article, however many the model would take.
TOKENS_MAX = 8192
# Rows of an embedding beyond the vocabulary that count as rounding up, not as another vocabulary.
SPARE_ROWS_MAX = 127
# How far the logits of an article may be from those that it has alone, by rounding: for each unit of the largest.
NEIGHBOURS_BOUND = 1e-3
# What tokenizers treat differently, whatever the texts of an export are.
PROBES = (
    "Мир И Погода, НАУКА: Ёлка й.",
    "Naïve Café ÀÉÎ straße don't well-known e-mail@example.org a_b",
    "東京2024年 日本 mixed漢字text",
    "«кавычки» — тире… №5 10,5% $3 (скобки) x" + "y" * 120,
    "a\u200bb\u00a0c\u00add\te\ufffdf\u0007g  h",
)


def check_words(labels: Sequence[str], name: str, version: str) -> None:
    """Name, version and labels as the worker's manifest wants them."""
    for what, value in (("name", name), ("version", version)):
        if not value.strip() or "\0" in value:
            raise ExportError(f"the {what} is empty; give the model a {what}")
    if not labels:
        raise ExportError("there is no label; give one a line, in id order")
    seen: dict[str, int] = {}
    for index, label in enumerate(labels):
        if not label.strip() or "\0" in label:
            raise ExportError(f"label {index} is empty; give one a line, in id order")
        if label in seen:
            raise ExportError(f"label {label!r} is given twice, as {seen[label]} and {index}")
        seen[label] = index


def check_vocab(vocab_tokens: Sequence[str], model: nn.Module) -> None:
    """One token a line, each once, as many as the embedding has rows."""
    if vocab_tokens and vocab_tokens[0] == "<s>":
        raise ExportError(
            "the vocabulary begins with <s>, as of a model whose texts begin with that instead of [CLS], "
            "which a vocab.txt does not say; give its tokenizer.json: "
            "AutoTokenizer.from_pretrained(…).save_pretrained(…)"
        )
    seen: dict[str, int] = {}
    for index, token in enumerate(vocab_tokens):
        if not token or any(c in token for c in "\n\r\0"):
            raise ExportError(
                f"vocabulary line {index + 1} is empty or holds a line break; it must be a "
                "vocab.txt with one token a line"
            )
        if token.strip() and token != token.rstrip():
            raise ExportError(
                f"vocabulary line {index + 1} ends in white space ({token!r}), which no reader of a "
                "vocab.txt keeps; remove it, or the line's id would belong to another token"
            )
        if token in seen:
            raise ExportError(
                f"vocabulary line {index + 1} repeats the token {token!r} of line {seen[token] + 1}"
            )
        seen[token] = index


def check_vocab_size(tokens: int, model: nn.Module, own: bool) -> list[str]:
    """The embedding of a TextModel has a row for each token, and a few more where it was rounded up; any
    number more where the tokenizer is the model's `own`, as of mDeBERTa and the multilingual MiniLM, which
    gets a note."""
    if not isinstance(model, TextModel):
        return []
    rows = model.words.num_embeddings
    spare = rows - tokens
    if spare == 0 or (rows % 4 == 0 and 0 < spare <= SPARE_ROWS_MAX):
        return []
    if own and spare > 0:
        return [f"the model's embedding has {spare} rows that its tokenizer's {tokens} tokens do not reach"]
    if own:
        raise ExportError(
            f"the tokenizer has {tokens} tokens but the model's embedding has only {rows} rows: tokens were "
            "added after training, on which the model would fail. Save the tokenizer as the model was trained "
            "with, or the model after resize_token_embeddings"
        )
    raise ExportError(
        f"the vocabulary has {tokens} tokens but the model's embedding has {rows} rows; "
        "give the vocab.txt that the model was trained with"
    )


def wordpiece_rows(
    vocab_tokens: Sequence[str], options: TokenizerOptions, texts: Sequence[str], tokens_max: int
) -> list[list[int]]:
    """The ids of each text by BERT's tokenizer; `tokens_max` 0: not cut."""
    try:
        tokenizer = build_tokenizer(vocab_tokens, options, tokens_max)
    except (TypeError, ValueError) as error:
        raise ExportError(str(error)) from error
    return [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]


def check_accents(vocab_tokens: Sequence[str], options: TokenizerOptions, said: bool) -> list[str]:
    """An uncased vocabulary that keeps its accents is tokenized without them, unless somebody says so:
    a note where the source says that they are stripped, else it is refused."""
    strips = options.lowercase if options.strip_accents is None else options.strip_accents
    lost = [
        token
        for token in vocab_tokens
        if strips
        and token not in SPECIAL_TOKENS
        and any(unicodedata.category(c) == "Mn" for c in unicodedata.normalize("NFD", token))
    ]
    if not lost:
        return []
    found = (
        f"the vocabulary has {len(lost)} tokens with accents, such as {', '.join(lost[:3])}, which no "
        "text reaches where accents are stripped"
    )
    if said or options.strip_accents is not None:
        return [f"{found}, as the tokenizer's settings say; --accents keep keeps them"]
    raise ExportError(
        f"{found}, as is usual with lower-casing. Say what the model was trained with: --accents keep, "
        "or --accents strip"
    )


def check_tokenizer(
    vocab_tokens: Sequence[str],
    options: TokenizerOptions,
    encode: Callable[[Sequence[str]], list[list[int]]],
    texts: Sequence[str],
) -> None:
    """The ids of the worker's tokenizer are those of `encode`, the one that comes with the model."""
    texts = [*PROBES, *texts]
    try:
        own = build_tokenizer(vocab_tokens, options, tokens_max=0).encode_batch(texts)
    except (TypeError, ValueError) as error:
        raise ExportError(str(error)) from error
    for text, encoding, wanted in zip(texts, own, encode(texts), strict=True):
        if encoding.ids != wanted:
            at = next((i for i, (a, b) in enumerate(zip(encoding.ids, wanted)) if a != b), 0)
            raise ExportError(
                f"the model's tokenizer.json gives other ids than BERT's WordPiece, which is all "
                f"that wiretag has: {wanted[at : at + 3]} instead of "
                f"{encoding.ids[at : at + 3]} ({' '.join(encoding.tokens[at : at + 3])}) in the text "
                f"{text[:40]!r}. Check --lowercase and --vocab, where given; a model that needs its "
                "own tokenizer cannot be exported"
            )


def check_sizes(model: nn.Module, padding: str, inputs: str, tokens_max: int) -> None:
    """Padding policy, inputs and lengths that the model was made for."""
    if padding not in PADDINGS:
        raise ExportError(f"padding {padding!r}: choose {' or '.join(PADDINGS)}")
    if inputs not in INPUTS:
        raise ExportError(f"inputs {inputs!r}: choose {' or '.join(INPUTS)}")
    if tokens_max < 3:
        raise ExportError(f"max_tokens {tokens_max}: [CLS], one token and [SEP] need 3")
    if tokens_max > TOKENS_MAX:
        raise ExportError(
            f"max_tokens {tokens_max}: wiretag cuts articles at {TOKENS_MAX} tokens or before; give "
            f"--max-tokens {TOKENS_MAX} or less"
        )
    if PADDINGS[padding] and tokens_max > PADDINGS[padding]:
        raise ExportError(f"max_tokens {tokens_max}: {padding} has room for {PADDINGS[padding]}")
    if isinstance(model, TextModel):
        if model.pad_to != PADDINGS[padding]:
            raise ExportError(
                f"padding {padding}: the model was made with pad_to={model.pad_to}; "
                f"make it with ClassifierConfig(pad_to={PADDINGS[padding]})"
            )
        positions = model.config.positions_max
        if max(tokens_max, PADDINGS[padding]) > positions:
            raise ExportError(
                f"max_tokens {tokens_max} with padding {padding}: the model knows {positions} "
                "positions"
            )


def check_weights(module: nn.Module) -> None:
    """Finite fp32 weights: the other precisions are made from them."""
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if tensor.dtype != torch.float32:
            raise ExportError(f"the tensor {name} is {tensor.dtype}; export from float32 weights")
        if not torch.isfinite(tensor).all():
            raise ExportError(f"the tensor {name} holds NaN or infinity; training went wrong")


def check_logits(logits: Tensor, task: str) -> list[str]:
    """wiretag makes softmax and sigmoid itself: of probabilities, it would make other numbers."""
    if not ((logits >= 0) & (logits <= 1)).all():
        return []
    if task == TASKS[0] and logits.size(1) > 1 and (logits.sum(1) - 1).abs().max() < 1e-3:
        raise ExportError(
            "the model gives probabilities, which add up to 1 for every text, and wiretag takes logits: its "
            "scores would be the softmax of a softmax. Leave the softmax out of the model"
        )
    if task != TASKS[0]:
        return [
            "the model's numbers are all from 0 to 1: if it ends in a sigmoid, leave that out, since wiretag "
            "makes it of logits"
        ]
    return []


def check_neighbours(runner: Runner, row: Sequence[int], logits: Tensor) -> None:
    """An article has the logits that it has alone, whatever stands beside it. Padding is another matter: all
    are of one length here."""
    others = [[row[0], *[token] * (len(row) - 2), row[-1]] for token in row[1:4]]
    try:
        batched = runner.batch([row, *others])[:1]
    except MODEL_ERRORS as error:
        raise ExportError(
            f"the model takes one text alone, but not {len(others) + 1} of them: {last_line(error)}. A traced "
            "model must have been traced so that it takes batches of every size"
        ) from error
    largest = max(1.0, float(logits.abs().max()))
    if not difference(batched, logits) <= NEIGHBOURS_BOUND * largest:
        raise ExportError(
            "an article's logits depend on the other articles in its batch, also where all are of one length: "
            "a mean or a softmax over the batch, or numbers rounded to what is largest in it (dynamic "
            "quantization)"
        )


def check_forward(
    runner: Runner, row: Sequence[int], labels: int, tokens: int, tokens_max: int
) -> None:
    """The model takes its inputs, gives one logit for each label, knows the last token and takes
    the longest article."""
    try:
        logits = runner.batch([row])
    except MODEL_ERRORS as error:
        raise ExportError(
            f"the model does not take ({runner.inputs.replace('+', ', ')}) or does not give a "
            f"tensor: {last_line(error)}"
        ) from error
    if tuple(logits.shape) != (1, labels):
        raise ExportError(
            f"the model gives {list(logits.shape)} for one text, not one logit for each of the "
            f"{labels} labels; give the labels file it was trained with"
        )
    if not torch.isfinite(logits).all():
        raise ExportError("the model gives NaN or infinity for an ordinary text")
    check_neighbours(runner, row, logits)
    try:
        runner.batch([[row[0], tokens - 1, row[-1]]])
    except MODEL_ERRORS as error:
        raise ExportError(
            f"the model does not know id {tokens - 1}, the last of the vocabulary; give the "
            "vocab.txt that it was trained with"
        ) from error
    inner = itertools.islice(itertools.cycle(row[1:-1] or row[:1]), tokens_max - 2)
    try:
        longest = runner.batch([[row[0], *inner, row[-1]]])
    except MODEL_ERRORS as error:
        raise ExportError(
            f"the model fails on an article of {tokens_max} tokens: {last_line(error)}. Articles are "
            "cut to --max-tokens N: give the number that it takes; a traced model must have been "
            "traced so that it takes every length"
        ) from error
    if not torch.isfinite(longest).all():
        raise ExportError(
            f"the model gives NaN or infinity for an article of {tokens_max} tokens; give the number "
            "that it was made for: --max-tokens"
        )
