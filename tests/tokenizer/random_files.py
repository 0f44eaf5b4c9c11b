"""Random files tokenizer.json: any part beside any other, as nobody would write them, and texts that suit them."""

import random

import json_files as jf

ALPHABETS = [
    " aAbBяЯёéÉ1²½٣\n\t.,!'-_\u2581\u0301\u0306😀東ﬁǅİßﬀ\u00a0\u200b\u200d<>[]/\u3000\u2028", "ab ", "aabbc\u0301 \u2581",
    "  \n\t\r\u00a0\u2003\u2581a'", "AaBbİIıßẞΣσς ЁёЙй", "日本語カナｶﾞひら１２ａＡ。、 ", "한국어\u1112 \u1161\u11ab가",
    "العربية\u064b\u0651 ١٢،", "ภาษาไทย\u0e33 ", "👨\u200d👩👧🏽❤️🇷🇺 a", "\0\x01\x1f\x7f\x85\u00ad\ufeff\ufffd\ue000\U000e0001 ab"]
BEHAVIORS = ["Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"]
FLAGS = ["single_word", "lstrip", "rstrip", "normalized", "special"]
CONTENTS = ["<s>", "[MASK]", " x", "é", "e\u0301", "AB", "👨\u200d👩", "  ", "\n", "<a b>", "a", "ab", "аб", "\u2581", "\u2581a", "<0x41>", ""]
HEX = [f"<0x{byte:02X}>" for byte in range(256)]
SPELLED = {bytes([byte]): letter for byte, letter in zip(
    [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100), *range(0x21), *range(0x7F, 0xA1), 0xAD],
    [*map(chr, [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]), *map(chr, range(0x100, 0x144))])}


class Maker:
    def __init__(self, seed):
        self.dice = random.Random(f"tokenizer.json {seed}")
        self.alphabet = list(self.one(ALPHABETS))

    def one(self, items):
        return self.dice.choice(items)

    def often(self, share=0.5):
        return self.dice.random() < share

    def string(self, letters, longest):
        return "".join(self.dice.choices(letters, k=self.dice.randrange(1, longest + 1)))

    def parts(self, make, depth):
        return [part for part in (make(depth + 1) for _ in range(self.dice.randrange(4))) if part]

    # --- the stages -------------------------------------------------------------------------------------------------

    def bert_normalizer(self):
        return {"type": "BertNormalizer", "clean_text": self.often(), "handle_chinese_chars": self.often(),
                "strip_accents": self.one([None, True, False]), "lowercase": self.often()}

    def replace(self):
        pattern = self.one([
            *({"String": text} for text in (" ", "a", "ab", "  ", "\u0301", "``", "a b", "\u2581", "\n", "aa", "")),
            *({"Regex": text} for text in (" {2,}", " +", r"\s+", r"\s{2,}", r"\s{2,}|[\n\r\t]", "a+", r"^\s+|\s+$"))])
        return {"type": "Replace", "pattern": pattern, "content": self.one(["\u2581", " ", "", "b", "aa", "\u0301", "  "])}

    def normalizer(self, depth=0):
        if depth == 0 and self.often(0.25):
            return None
        if depth < 2 and self.often(0.2):
            return {"type": "Sequence", "normalizers": self.parts(self.normalizer, depth)}
        return self.one([
            {"type": self.one(["Lowercase", "StripAccents", "Nmt", "NFC", "NFD", "NFKC", "NFKD", "ByteLevel"])},
            {"type": "Strip", "strip_left": self.often(), "strip_right": self.often()},
            {"type": "Prepend", "prepend": self.one(["\u2581", " ", "a", "", "ab ", "\u0301"])},
            self.replace(), self.replace(), self.bert_normalizer()])

    def metaspace(self):
        stage = {"type": "Metaspace", "replacement": "\u2581"}
        more = {"prepend_scheme": self.one(["always", "first", "never"]), "split": self.often(), "add_prefix_space": self.often()}
        return stage | {key: value for key, value in more.items() if self.often(0.2 if key == "add_prefix_space" else 0.7)}

    def pre_tokenizer(self, depth=0):
        if depth == 0 and self.often(0.15):
            return None
        if depth < 2 and self.often(0.2):
            return {"type": "Sequence", "pretokenizers": self.parts(self.pre_tokenizer, depth)}
        text = self.one([" ", "a", "ab", "  ", "'s", "\n", "\u2581", "aa"])
        regex = self.one([jf.CL100K, jf.O200K, jf.QWEN, jf.GPT2])
        return self.one([
            {"type": self.one(["Whitespace", "WhitespaceSplit", "BertPreTokenizer", "UnicodeScripts"])},
            {"type": "Digits", "individual_digits": self.often()}, {"type": "Punctuation", "behavior": self.one(BEHAVIORS)},
            jf.byte_level(self.often(), self.often()), jf.byte_level(), self.metaspace(), self.metaspace(),
            jf.text(text, self.one(BEHAVIORS), self.often(0.3)),
            jf.pattern(regex, self.one(["Isolated", "Isolated", "Removed"]), self.often(0.3)),
            {"type": "CharDelimiterSplit", "delimiter": "a"}])

    def template(self, vocab):
        tokens = [self.one(list(vocab)[:40]) for _ in range(3)]
        single = [{"SpecialToken": {"id": token, "type_id": 0}} for token in tokens]
        single.insert(self.dice.randrange(4), {"Sequence": {"id": "A", "type_id": self.dice.randrange(2)}})
        ids = {token: [vocab[token]] * self.one([1, 1, 2]) for token in tokens}
        specials = {token: {"id": token, "ids": ids[token], "tokens": [token] * len(ids[token])} for token in tokens}
        return {"type": "TemplateProcessing", "single": single, "special_tokens": specials,
                "pair": [*single, {"Sequence": {"id": "B", "type_id": 1}}]}

    def post_processor(self, vocab, depth=0):
        def token():
            name = self.one(list(vocab)[:40])
            return [name, vocab[name]]

        if depth == 0 and self.often(0.4):
            return None
        if depth < 2 and self.often(0.2):
            return {"type": "Sequence", "processors": self.parts(lambda deeper: self.post_processor(vocab, deeper), depth)}
        return self.one([
            {"type": "BertProcessing", "sep": token(), "cls": token()},
            {"type": "RobertaProcessing", "sep": token(), "cls": token(), "trim_offsets": True, "add_prefix_space": self.often()},
            jf.byte_level(), self.template(vocab)])

    # --- the models -------------------------------------------------------------------------------------------------

    def units(self, pre_tokenizer):
        """What pieces are made of, as the pre-tokenizer writes it: characters, or those of bytes; and the pieces."""
        letters = list(dict.fromkeys(self.alphabet))
        if "ByteLevel" in str(pre_tokenizer):
            spelled = ["".join(SPELLED[bytes([byte])] for byte in letter.encode()) for letter in letters]
            return spelled, jf.BYTES if self.often(0.7) else self.dice.sample(jf.BYTES, 200)
        if self.often():
            letters = ["\u2581" if letter == " " else letter for letter in letters]
        some = [letter for letter in letters if self.often(0.85)] or letters
        return some, some

    def bpe(self, pre_tokenizer):
        units, letters = self.units(pre_tokenizer)
        fallback, merges = self.often(0.3), []
        specials = ["<unk>", *(name for name in HEX if fallback and self.often(0.995))]
        pieces = list(letters)
        pool = [piece for piece in pieces if any(piece in unit for unit in units)] or list(pieces)
        for _ in range(self.dice.randrange(60)):
            left, right = self.one(pool), self.one(pool)
            if len(left + right) <= 10:
                merges.append([left, right])
                pieces.append(left + right)
                pool.append(left + right)
        pieces = list(dict.fromkeys([*specials, *pieces] if self.often(0.7) else [*pieces, *specials]))
        if self.often(0.2):
            self.dice.shuffle(pieces)
        step = 2 if self.often(0.1) else 1
        vocab = {piece: place * step for place, piece in enumerate(pieces)}
        if self.often(0.3) and not any(" " in left + right for left, right in merges):
            merges = [" ".join(merge) for merge in merges]
        more = {"unk_token": self.one([None, "<unk>", "<unk>", "<unk>", ""]), "fuse_unk": self.often(), "byte_fallback": fallback,
                "ignore_merges": self.often(0.3), "dropout": self.one([None, None, None, 0.0]),
                "continuing_subword_prefix": self.one([None, None, None, "", "##"]),
                "end_of_word_suffix": self.one([None, None, None, "", "</w>"])}
        if self.often(0.2):
            del more[self.one(list(more))]
        return {"type": "BPE", **more, "vocab": vocab, "merges": merges}, vocab

    def unigram(self, pre_tokenizer):
        units, letters = self.units(pre_tokenizer)
        fallback = self.often(0.3)
        pieces = ["<unk>", *(HEX if fallback else []), *letters]
        pieces += ["".join(self.dice.choices(units, k=self.dice.randrange(2, 5))) for _ in range(self.dice.randrange(60))]
        if self.often(0.8):
            pieces = list(dict.fromkeys(pieces))
        score = self.one([lambda: 0.0, lambda: -float(self.dice.randrange(1, 4)), lambda: -12 * self.dice.random(),
                          lambda: self.one([0, -1.5, -1e-3, -100.25, 3.5])])
        model = {"type": "Unigram", "unk_id": self.one([0, 0, 0, 0, None]), "vocab": [[piece, score()] for piece in pieces]}
        return model | ({"byte_fallback": fallback} if fallback or self.often() else {}), {piece: i for i, piece in enumerate(pieces)}

    def word_piece(self):
        letters = [letter for letter in self.units(None)[0] if letter.strip()] or ["a"]
        words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", *letters, *("##" + letter for letter in letters)]
        words += [self.one(["", "##"]) + self.string(letters, 3) for _ in range(60)]
        vocab = {word: place for place, word in enumerate(dict.fromkeys(words))}
        return {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
                "vocab": vocab}, vocab

    # --- the file ---------------------------------------------------------------------------------------------------

    def flags(self):
        return {flag: self.often(0.4) for flag in FLAGS}

    def added_tokens(self, vocab):
        tokens = {}
        for _ in range(self.one([0, 0, 1, 3, 8])):
            content = self.one([self.one(list(vocab)), self.string(self.alphabet, 4), self.string(self.alphabet, 4), self.one(CONTENTS)])
            token = jf.added(content, **self.flags())
            tokens[content if self.often(0.97) else len(tokens)] = token
        return list(tokens.values())

    def document(self):
        kind = self.one(["bpe", "bpe", "bpe", "unigram", "unigram", "word_piece"])
        if kind == "word_piece":
            model, vocab = self.word_piece()
            tokens = [jf.added(name, **self.flags() | {"single_word": False}) for name in list(vocab)[:4] if self.often(0.7)]
            ends = {"sep": ["[SEP]", vocab["[SEP]"]], "cls": ["[CLS]", vocab["[CLS]"]]}
            return jf.document([], normalizer=self.bert_normalizer(), pre_tokenizer={"type": "BertPreTokenizer"}, tokens=tokens,
                               template={"type": "BertProcessing", **ends}) | {"model": model}
        splitter = self.pre_tokenizer()
        model, vocab = getattr(self, kind)(splitter)
        return jf.document([], normalizer=self.normalizer(), pre_tokenizer=splitter, tokens=self.added_tokens(vocab),
                           template=self.post_processor(vocab)) | {"model": model}

    def texts(self, file, count):
        letters = self.alphabet + [token["content"] for token in file["added_tokens"]] * 2 + [" "] * 2
        texts = ["", " ", "  ", "\n"]
        for number in range(count):
            some = letters if number % 4 else letters + list(ALPHABETS[0])
            if number % 5 == 0:
                some = self.dice.choices(some, k=4)
            texts.append(self.string(some, (5, 24, 79)[number % 3]))
        last = self.string(letters + list("abcdefg xyz"), 300)
        # One in thirty is worked on in parts.
        return [*texts, last * (1 + 40000 // len(last)) if self.often(1 / 30) else last]


def random_file(seed, texts):
    """A file, so many texts for it, and a limit; 0: none."""
    maker = Maker(seed)
    file = maker.document()
    return file, maker.texts(file, texts), maker.one([0, 0, 0, 8, 16])
