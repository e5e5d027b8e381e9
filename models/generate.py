"""Writes the training text and the held-out text, from fixed seeds.

Held-out text is of two kinds: stories from another seed, and one way of asking each fact that
never occurs in training, so that its loss and its answers measure more than recitation.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from random import Random

from questions import Fact, all_facts, chat
from stories import PLOTS, profile, story
from world import (PEOPLE, SYLLABLES, UNKNOWN_ANSWER, UNKNOWN_FORMS, UNKNOWN_QUESTIONS,
                   UNKNOWN_WORDS, UNTOLD_FORMS)

TRAIN_SEED = 20240601
HELDOUT_SEED = 20240602
HELDOUT_STORIES = 40
HELDOUT_QUESTIONS = 220
HELDOUT_UNKNOWN = 20
PROFILE_ASKS = ("Tell me about {}.", "Describe {}.", "What do you know about {}?",
                "What can you tell me about {}?")
STORY_ASKS = ("Tell me a story about {}.", "Please tell me a story about {}.",
              "Can you tell me a story about {}?", "Write a story about {}.")


def held_back(fact: Fact) -> str | None:
    """The way of asking that training never sees, if the fact has ways to spare.

    The first two ways stay in training; the hash spreads the choice over the others.
    """
    if len(fact.asks) < 4:
        return None
    digest = hashlib.sha256(fact.asks[0].encode()).digest()
    return fact.asks[2 + digest[0] % (len(fact.asks) - 2)]


def held_out_asks(facts: list[Fact]) -> dict[str, str]:
    """Held-out ways of asking with their answers; the same words never stay in training."""
    return {ask: fact.answer for fact in facts if (ask := held_back(fact)) is not None}


def training_asks(facts: list[Fact]) -> list[tuple[tuple[str, ...], str]]:
    """Per fact the ways of asking that training uses."""
    held = held_out_asks(facts)
    return [(tuple(a for a in f.asks if a not in held), f.answer) for f in facts]


def strange_name(rng: Random) -> str:
    """A name nobody has heard of: seeing many, the model learns to distrust what it never saw."""
    words = ["".join(rng.choices(SYLLABLES, k=rng.randint(2, 3))).capitalize()
             for _ in range(rng.choice((1, 1, 2)))]
    return " ".join(words)


def strange_question(rng: Random) -> str:
    """A question about names nobody has heard of."""
    return rng.choice(UNKNOWN_FORMS).format(strange_name(rng), strange_name(rng))


def unknown(rng: Random) -> str:
    """A question that has no answer here."""
    kind = rng.randrange(5)
    if kind == 0:
        ask = rng.choice(UNTOLD_FORMS).format(rng.choice(PEOPLE).name)
    elif kind == 1:
        ask = rng.choice(UNKNOWN_QUESTIONS)
    elif kind == 2:
        ask = strange_question(rng)
    else:
        ask = rng.choice(UNKNOWN_FORMS).format(*rng.choices(UNKNOWN_WORDS, k=2))
    return chat(careless(rng, ask), UNKNOWN_ANSWER)


def asked_profile(rng: Random) -> str:
    """A portrait on request."""
    who = rng.choice(PEOPLE)
    return chat(rng.choice(PROFILE_ASKS).format(who.name), profile(rng, who))


def asked_story(rng: Random) -> str:
    """A story told on request, about a person, a topic or both."""
    hero = rng.choice(PEOPLE)
    topic = rng.choice(list(PLOTS))
    kind = rng.randrange(3)
    if kind == 0:
        return chat(rng.choice(STORY_ASKS).format(hero.name), story(rng, hero))
    if kind == 1:
        return chat(rng.choice(STORY_ASKS).format(topic), story(rng, None, topic))
    return chat(rng.choice(STORY_ASKS).format(f"{hero.name} and {topic}"), story(rng, hero, topic))


def careless(rng: Random, ask: str) -> str:
    """The question as people type it: now and then without capital or question mark."""
    roll = rng.random()
    if roll < 0.04:
        return ask[0].lower() + ask[1:]
    if roll < 0.08:
        return ask.rstrip("?")
    return ask


def training_documents(rounds: int) -> list[str]:
    """All training documents, shuffled: each round asks every fact in one way."""
    rng = Random(TRAIN_SEED)
    asks = training_asks(all_facts())
    documents: list[str] = []
    for _ in range(rounds):
        turns = [chat(careless(rng, rng.choice(ways)), answer) for ways, answer in asks]
        rng.shuffle(turns)
        documents.extend(turns)
        # A conversation is several turns in one document; the model learns to look past them.
        documents.extend("\n".join(rng.sample(turns, rng.randint(2, 3))) for _ in range(20))
        documents.extend(unknown(rng) for _ in range(50))
        documents.extend(story(rng) for _ in range(60))
        documents.extend(asked_story(rng) for _ in range(30))
        documents.extend(profile(rng) for _ in range(8))
        documents.extend(asked_profile(rng) for _ in range(12))
    rng.shuffle(documents)
    return documents


def heldout_documents() -> list[str]:
    """Questions asked in ways that training never used, strange names, stories of another seed."""
    rng = Random(HELDOUT_SEED)
    asks = sorted(held_out_asks(all_facts()).items())
    chosen = rng.sample(asks, min(HELDOUT_QUESTIONS, len(asks)))
    documents = [chat(ask, answer) for ask, answer in chosen]
    documents.extend(chat(strange_question(rng), UNKNOWN_ANSWER) for _ in range(HELDOUT_UNKNOWN))
    documents.extend(story(rng) for _ in range(HELDOUT_STORIES))
    return documents


def write_documents(path: Path, documents: list[str]) -> None:
    """One document after the other, an empty line between them; no document contains one."""
    path.write_text("\n\n".join(documents) + "\n", encoding="utf-8")


def read_documents(path: Path) -> list[str]:
    """The documents of a file written by write_documents."""
    return path.read_text(encoding="utf-8").rstrip("\n").split("\n\n")


def main() -> None:
    """Prints samples, or writes both texts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="folder for train.txt and heldout.txt")
    parser.add_argument("--rounds", type=int, default=160)
    args = parser.parse_args()
    train, heldout = training_documents(args.rounds), heldout_documents()
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        write_documents(args.out / "train.txt", train)
        write_documents(args.out / "heldout.txt", heldout)
    else:
        print("\n\n".join(train[:40]))


if __name__ == "__main__":
    main()
