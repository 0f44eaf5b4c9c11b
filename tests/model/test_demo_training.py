"""The parts of the demonstration model's training: its vocabulary grows, pre-training goes on where it was stopped."""

import random
import sys

import pytest
from tree import ROOT

sys.path[:0] = [str(ROOT / "scripts/demo"), str(ROOT / "scripts/export")]

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from wiretag_demo.learning import grown, new_model  # noqa: E402
from wiretag_demo.posts import Post  # noqa: E402
from wiretag_demo.pretraining import Hider, Passages, PretrainingRecipe, pretrain  # noqa: E402
from wiretag_demo.texts import read_texts  # noqa: E402
from wiretag_demo.vocabulary import (  # noqa: E402
    OPTIONS,
    PICTURE,
    DroppingEncoder,
    build_vocabulary,
    is_picture,
    with_twins,
)


def own_posts():
    """Texts of the project in the place of posts."""
    return [Post(text.text, text.category) for text in read_texts(ROOT / "data/train")]


def test_a_new_token_gets_the_mean_of_the_pieces_that_it_was():
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##ты", "по", "экипаж"]
    more = [*tokens[:5], "##ты", "по", "попоты", "поты", "экипаж"]
    model = new_model(len(tokens), 0.0)
    rows = model.words.weight
    larger = grown(model, tokens, more, 0.0)
    assert torch.equal(larger.words.weight[9], rows[7]) and torch.equal(larger.words.weight[4], rows[4])
    assert torch.allclose(larger.words.weight[8], (rows[6] + rows[5]) / 2)
    assert torch.equal(larger.words.weight[7], rows[1])  # no pieces: [UNK]
    assert torch.equal(larger.layers[1].output.weight, model.layers[1].output.weight)


def pretrained(path, epochs, stop_before=None):
    """The encoder's weights after `epochs`, or what is raised when it is stopped before one of them."""
    posts = own_posts()[::40]
    tokens = build_vocabulary([post.text for post in posts], (), 1500)
    torch.manual_seed(3)
    model = new_model(len(tokens), 0.0)
    whole = Passages.epoch

    def stopping(self, number, seed):
        if number == stop_before:
            raise KeyboardInterrupt
        return whole(self, number, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Passages, "epoch", stopping)
        loss = pretrain(model, tokens, posts, PretrainingRecipe(epochs=epochs, batch=8), 3, path)
    return loss, model


def test_pretraining_that_was_stopped_goes_on_as_if_it_had_not_been(tmp_path):
    whole_loss, whole = pretrained(None, 3)
    path = tmp_path / "encoder.part"
    with pytest.raises(KeyboardInterrupt):
        pretrained(path, 3, stop_before=2)
    loss, model = pretrained(path, 3)
    assert loss == pytest.approx(whole_loss, rel=1e-4)
    assert torch.allclose(model.words.weight, whole.words.weight, atol=1e-4)


def test_pretraining_learns_to_guess_hidden_words(tmp_path):
    first, _ = pretrained(None, 1)
    later, _ = pretrained(None, 12)
    assert later < first - 0.5


def test_hidden_words_are_hidden_with_all_their_pieces():
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "##ты", "по"]
    torch.manual_seed(1)
    hider = Hider(tokens, PretrainingRecipe(mask=0.5, shown=0.0))
    ids = torch.tensor([[2, 6, 5, 6, 5, 5, 6, 3, 0, 0]]).repeat(200, 1)
    covered, chosen = hider.hide(ids)
    assert torch.equal(covered, ids.masked_fill(chosen, 4))
    assert torch.equal(chosen[:, 1], chosen[:, 2])
    assert torch.equal(chosen[:, 3], chosen[:, 4]) and torch.equal(chosen[:, 3], chosen[:, 5])
    assert not chosen[:, [0, 7, 8, 9]].any()
    assert 0.35 < chosen[:, 1].float().mean() < 0.65 and not torch.equal(chosen[:, 1], chosen[:, 3])


@pytest.fixture(scope="module")
def twins():
    texts = [post.text for post in own_posts()[::4]]
    return with_twins(build_vocabulary(texts, (), 4000), texts, 7000)


def pieces(tokens, twin_of, text):
    encoder = DroppingEncoder(tokens, OPTIONS, twin_of)
    return [tokens[piece] for piece in encoder.encode(text, 99, 0.0, random.Random(0))][1:-1]


def test_the_vocabulary_has_its_size_and_no_token_twice(twins):
    tokens, twin_of = twins
    assert len(tokens) == len(set(tokens)) == len(twin_of) <= 7000
    assert all(twin_of[twin] == twin for twin in twin_of)


def test_one_picture_is_as_good_as_another(twins):
    assert pieces(*twins, "🏆 🎭 🐙") == [PICTURE] * 3
    assert is_picture("🏆") and is_picture("⬇") and not any(map(is_picture, "№©→«—!"))


def test_a_word_that_an_emoji_is_glued_to_is_the_word(twins):
    tokens, twin_of = twins
    stems = [tokens[twin] for token, twin in zip(tokens, twin_of, strict=True) if f"##{tokens[twin]}" == token]
    assert len(stems) > 100
    for stem in stems[::10]:
        assert pieces(tokens, twin_of, f"🔥{stem}") == [PICTURE, stem] == pieces(tokens, twin_of, f"🔥 {stem}")


def test_latin_inside_a_word_is_one_token_again_and_again(twins):
    made = pieces(*twins, "https://t.me/qx9zkwq")
    assert set(made[made.index("/") :]) <= {"/", "t", ".", "m", "q", "##a"}
