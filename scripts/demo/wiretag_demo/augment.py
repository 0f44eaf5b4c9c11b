"""Variants of a text for training: a few texts must stand for many.

Every variant is chosen without looking at the category, so that none of the decoration says
anything about it: that is how the model learns to overlook it in real posts.
"""

import random
import re

EMOJI = "⚡️ ❗️ 🔴 ‼️ 🔥 👀 📌 🚨 🟢 ✅ 🗣 📷 🎥 💬 ❓ 🤔 😱 👇 ⬇️ 🔹 ▪️ 🇷🇺 📣 🔔".split()
LINK = "https://t.me/novosti_example"
FOOTERS = (
    "Подписаться",
    f"[Подписаться]({LINK})",
    f"**[Подписаться на канал]({LINK})** | [Прислать новость]({LINK}_bot)",
    f"👉 [Подписывайтесь на наш канал]({LINK})",
    f"@novosti_example\n[Наш чат]({LINK})",
    "Больше новостей — в нашем Telegram-канале.",
    f"[Подробнее]({LINK}/1024)",
    "Подробнее — на сайте редакции.",
    f"Источник: {LINK}",
    "Фото: пресс-служба",
    "Читайте нас в MAX и во «ВКонтакте».",
    "#новости #главное",
    "Ставьте 👍, делитесь с друзьями!",
    "❤️ — интересно\n🤔 — а дальше?",
    f"[**Канал в MAX**]({LINK}) • [прислать новость]({LINK}_bot)",
    "Реклама. ООО «Пример», erid 2Vtzq8example",
)
DATELINES = (
    "МОСКВА, 14 марта. /Корр. агентства/. ",
    "Москва. 3 октября. ",
    "САНКТ-ПЕТЕРБУРГ, 21 июля — ",
    "Об этом сообщает пресс-служба. ",
    "Срочно. ",
    "Главное за день. ",
)
WORD_DROP = 0.25
SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[«\"А-ЯЁA-Z0-9—])|\n+")


def sentences(text: str) -> list[str]:
    return [part for part in SENTENCE_END.split(text) if part.strip()]


def crop_or_shuffle(text: str, rng: random.Random) -> str:
    parts = sentences(text)
    if len(parts) < 2:
        return text
    draw = rng.random()
    if draw < 0.45:
        size = rng.randint(1, len(parts))
        start = rng.randint(0, len(parts) - size)
        parts = parts[start : start + size]
    elif draw < 0.6:
        rng.shuffle(parts)
    return " ".join(parts)


def decorate(text: str, rng: random.Random) -> str:
    """Emoji, markup, a footer: what channels put around a text."""
    if rng.random() < 0.5:
        head, *rest = sentences(text)
        text = "\n\n".join([f"**{head}**", " ".join(rest)]).strip()
    if rng.random() < 0.5:
        text = f"{rng.choice(EMOJI)} {text}"
    if rng.random() < 0.15:
        text = rng.choice(DATELINES) + text
    while rng.random() < 0.5:
        text = f"{text}\n\n{rng.choice(FOOTERS)}"
    return text


def change_case(text: str, rng: random.Random) -> str:
    draw = rng.random()
    if draw < 0.06:
        return text.upper()
    if draw < 0.16:
        return text.lower()
    if draw < 0.26:
        return " ".join(
            word[:1].upper() + word[1:] if rng.random() < 0.3 else word for word in text.split(" ")
        )
    return text


def variant(text: str, others: list[str], rng: random.Random) -> str:
    """A variant of `text`; `others` are texts of its category, sometimes joined to it."""
    text = crop_or_shuffle(text, rng)
    while rng.random() < 0.25:
        text = f"{text} {crop_or_shuffle(rng.choice(others), rng)}"
    if rng.random() < 0.35:
        text = decorate(text, rng)
    return change_case(text, rng)


def collage(texts: list[str], rng: random.Random) -> str:
    """Passages of one to three texts, whatever their categories, with words left out."""
    parts = []
    for text in rng.sample(texts, rng.choice((1, 1, 2, 3))):
        all_words = text.split()
        size = rng.randint(min(3, len(all_words)), min(20, len(all_words)))
        start = rng.randint(0, len(all_words) - size)
        kept = [word for word in all_words[start : start + size] if rng.random() >= WORD_DROP]
        parts.append(" ".join(kept or all_words[start : start + 1]))
    return change_case(" ".join(parts), rng)
