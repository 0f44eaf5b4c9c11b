"""Variants of a text for training: a few texts must stand for many.

Every variant is chosen without looking at the category, so that none of the decoration says
anything about it: that is how the model learns to overlook it in real posts.
"""

import random
import re
import unicodedata

EMOJI = (
    "⚡️ ❗️ 🔴 ‼️ 🔥 👀 📌 🚨 🟢 ✅ 🗣 📷 🎥 💬 ❓ 🤔 😱 👇 ⬇️ 🔹 ▪️ 🇷🇺 📣 🔔 🌪 ❄️ 🌊 🌡 ☔️ 🌤 💥 🕯 🚀 🛑 🕊 "
    "🎭 🎬 🎨 📚 🎞 🎵 💰 💵 📉 📈 🏦 💳 👗 💅 💋 💍 💄 ❤️ 👑 💊 🩺 😷 💉 🦷 🍵 🏛 🗳 🇺🇸 🇨🇳 🤝 📝 🔬 🧬 🛰 🔭 ⚛️ 🤖 "
    "👮 🚒 🚗 🏠 🎓 🐶 👶 ⚽️ 🏆 🏒 🥇 🎾 🏀 ✈️ 🏝 🧳 🚆 🧭 🏖 🌍 😂 👍 🤯 😍 🙏 💔 🎉 📰 🆕 ⭐️ 💪 👏 🐱 🍎 🔒 ☀️ 🌹 🤷‍♀️"
).split()
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
DOMAINS = (
    "t.me",
    "vk.com",
    "novosti.example",
    "www.vesti.example",
    "youtu.be",
    "dzen.ru",
    "www.gazeta.example",
    "clck.ru",
    "max.ru",
    "ok.ru",
    "rutube.ru",
    "news.example.com",
)
SYLLABLES = (
    "na no vo sti ra bo ta ve ka mi le pro stra go rod ma re ki do lu za ty shko chi be zhi ev in "
    "ter on si lo da pe re ni va sha or ol ex tra mo"
).split()
SECTIONS = (
    "news article story post rubric politics economics business sport football culture science "
    "society travel health world tech style army weather video photo 2024/11/05 2026/03/14 russia"
).split()
HASHTAGS = (
    "#новости #главное #важное #срочно #видео #фото #россия #москва #мир #сегодня #читаем #дайджест "
    "#эксклюзив #подборка #день #регион #прямойэфир #интересное"
).split()
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


def link(rng: random.Random) -> str:
    """An address that says nothing: a section and syllables at random, as titles look in Latin."""
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 4))) for _ in range(rng.randint(0, 5))]
    path = rng.choice("-_/").join(words)
    number = rng.choice(("", "", f"/{rng.randint(1, 99999)}", f"?id={rng.randint(1, 10**9)}"))
    section = f"{rng.choice(SECTIONS)}/" if rng.random() < 0.4 else ""
    start = rng.choice(("https://", "https://", "http://", ""))
    return f"{start}{rng.choice(DOMAINS)}/{section}{path}{number}"


def without_emoji(text: str) -> str:
    """Pictures are taken out of every text before others are put in: none may tell a category."""
    kept = (
        " " if unicodedata.category(character) in ("So", "Sk", "Cf", "Mn") else character
        for character in text
    )
    return re.sub(r"[ \t]{2,}", " ", "".join(kept)).strip()


def decorate(text: str, rng: random.Random) -> str:
    """Emoji, markup, links, hashtags, a footer: what channels put around a text."""
    if rng.random() < 0.3:
        head, *rest = sentences(text)
        text = "\n\n".join([f"**{head}**", " ".join(rest)]).strip()
    if rng.random() < 0.25:
        words = text.split(" ")
        place = rng.randrange(len(words))
        words[place] = f"[{words[place]}]({link(rng)})"
        text = " ".join(words)
    if rng.random() < 0.5:
        signs = "".join(rng.choices(EMOJI, k=rng.choice((1, 1, 2, 3))))
        text = f"{signs}{rng.choice((' ', ' ', ''))}{text}"
    if rng.random() < 0.25:
        text = f"{text}{rng.choice((' ', ''))}{''.join(rng.choices(EMOJI, k=rng.randint(1, 3)))}"
    if rng.random() < 0.15:
        text = rng.choice(DATELINES) + text
    if rng.random() < 0.2:
        text = f"{text}{rng.choice((' ', chr(10)))}{' '.join(rng.sample(HASHTAGS, rng.randint(1, 4)))}"
    if rng.random() < 0.45:
        text = f"{text}{rng.choice((' ', ': ', chr(10), chr(10) * 2))}{link(rng)}"
    elif rng.random() < 0.1:
        text = f"{link(rng)} {text}"
    while rng.random() < 0.25:
        text = f"{text}\n\n{rng.choice(FOOTERS).replace(LINK, link(rng))}"
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
    text = crop_or_shuffle(without_emoji(text), rng)
    while rng.random() < 0.2:
        text = f"{text} {crop_or_shuffle(without_emoji(rng.choice(others)), rng)}"
    return change_case(text, rng)


def passage(text: str, rng: random.Random) -> str:
    """Up to thirty words in a row of a post."""
    all_words = without_emoji(text).split()
    size = rng.randint(min(6, len(all_words)), min(30, len(all_words)))
    start = rng.choice((0, rng.randint(0, len(all_words) - size)))
    return " ".join(all_words[start : start + size])


def collage(texts: list[str], rng: random.Random) -> str:
    """Passages of one to three texts, whatever their categories, with words left out."""
    parts = []
    for text in rng.sample(texts, rng.choice((1, 1, 2, 3))):
        all_words = without_emoji(text).split()
        size = rng.randint(min(3, len(all_words)), min(20, len(all_words)))
        start = rng.randint(0, len(all_words) - size)
        kept = [word for word in all_words[start : start + size] if rng.random() >= WORD_DROP]
        parts.append(" ".join(kept or all_words[start : start + 1]))
    return change_case(" ".join(parts), rng)
