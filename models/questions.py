"""Questions and answers about Saltmere: every fact, in several ways to ask, with one answer.

One canonical answer per fact makes "is the answer right" a comparison of strings.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import world
from world import BOATS, PEOPLE, PLACES, TOWN, Boat, Person, Place


@dataclass(frozen=True)
class Fact:
    """One thing that is so, with all the ways to ask for it."""

    asks: tuple[str, ...]
    answer: str


def article(noun: str) -> str:
    """The noun with its indefinite article."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def capital(text: str) -> str:
    """The text with a capital first letter, the rest unchanged."""
    return text[0].upper() + text[1:]


def keeping_fact(p: Person) -> Fact:
    """Where a thing is kept; asked by owner, by thing, and by both."""
    n, t = p.name, p.thing
    return Fact((f"Where does {n} keep the {t}?", f"Where is the {t}?",
                 f"Where is the {t} of {n}?", f"Where can I find the {t}?",
                 f"Where does {n} keep {p.possessive} {t}?", f"Where is {n}'s {t}?",
                 f"Where is the {t} kept?"),
                f"{n} keeps the {t} {p.keeps}.")


def thing_facts(p: Person) -> Iterator[Fact]:
    """The thing a person owns: which, whose, where."""
    n, t, last = p.name, p.thing, p.thing.split()[-1]
    yield keeping_fact(p)
    # The noun alone ("the lamp") is how a person asks; every thing has its own noun.
    yield Fact((f"Where does {n} keep the {last}?", f"Where is the {last}?",
                f"Where is {n}'s {last}?", f"Where can I find the {last}?",
                f"Where does {n} keep {p.possessive} {last}?"),
               f"{n} keeps the {t} {p.keeps}.")
    yield Fact((f"Who owns the {t}?", f"Whose is the {t}?", f"Who has the {t}?",
                f"To whom does the {t} belong?", f"Who owns the {last}?"),
               f"The {t} belongs to {n}.")


def person_facts(p: Person) -> Iterator[Fact]:
    """Everything that can be asked about one person."""
    n = p.name
    yield Fact((f"Who is {n}?", f"What is {n}?", f"What does {n} do?", f"What is the work of {n}?",
                f"What is {n}'s job?"), f"{n} is {p.role} of {TOWN}.")
    if p.role.startswith("the "):
        yield Fact((f"Who is {p.role}?", f"Who is {p.role} of {TOWN}?",
                    f"What is the name of {p.role}?", f"What is {p.role} called?"),
                   f"{capital(p.role)} is {n}.")
    yield Fact((f"Where does {n} live?", f"Where is the home of {n}?", f"Where is {n} at home?",
                f"Where is {n}'s house?"), f"{n} lives {p.home}.")
    yield Fact((f"Where is {n} during the day?", f"Where does {n} spend the day?",
                f"Where can I find {n}?", f"Where is {n}?"), f"By day {n} is {p.work}.")
    yield Fact((f"How old is {n}?", f"What is the age of {n}?", f"What is {n}'s age?",
                f"How many years old is {n}?"), f"{n} is {p.age} years old.")
    yield Fact((f"What does {n} like to eat?", f"What is the favourite food of {n}?",
                f"What does {n} love to eat?", f"What is {n}'s favourite food?"),
               f"{n} likes {p.food} best.")
    yield Fact((f"What colour is the coat of {n}?", f"What colour is {n}'s coat?",
                f"Which coat does {n} wear?", f"What does {n} wear?"),
               f"{n} wears a {p.coat} coat.")
    yield Fact((f"Who is the best friend of {n}?", f"Who is {n}'s best friend?",
                f"Who is {n}'s friend?", f"Who is the friend of {n}?", f"Whom does {n} trust?"),
               f"The best friend of {n} is {p.friend}.")
    yield Fact((f"What does {n} do in the morning?", f"What does {n} do every morning?",
                f"How does {n} begin the day?", f"What does {n} do at dawn?"),
               f"In the morning {n} {p.morning}.")
    yield Fact((f"What does {n} do in the evening?", f"What does {n} do every evening?",
                f"How does {n} end the day?", f"What does {n} do at night?"),
               f"In the evening {n} {p.evening}.")
    yield Fact((f"What does {n} wish for?", f"What does {n} want?", f"What is the dream of {n}?",
                f"What does {n} dream of?"), f"{n} wants {p.wish}.")
    yield Fact((f"What is {n} afraid of?", f"What does {n} fear?", f"What scares {n}?",
                f"What is {n}'s fear?"), f"{n} is afraid of {p.fear}.")
    yield from thing_facts(p)
    yield from pet_facts(p)


def pet_facts(p: Person) -> Iterator[Fact]:
    """The pet, or that there is none."""
    n = p.name
    asks = (f"Does {n} have a pet?", f"Which animal does {n} have?", f"What pet does {n} have?",
            f"What is {n}'s pet?")
    if not p.pet:
        yield Fact(asks, f"{n} has no pet.")
        return
    yield Fact(asks, f"{n} has {article(p.pet)} called {p.pet_name}.")
    yield Fact((f"What is the name of the {p.pet}?", f"What is the {p.pet} called?",
                f"What is {n}'s {p.pet.split()[-1]} called?",
                f"What is the name of {n}'s {p.pet.split()[-1]}?"),
               f"The {p.pet} is called {p.pet_name}.")
    yield Fact((f"Who is {p.pet_name}?", f"What is {p.pet_name}?", f"To whom does {p.pet_name} "
                "belong?", f"Whose pet is {p.pet_name}?"),
               f"{p.pet_name} is the {p.pet} of {n}.")


def boat_facts(b: Boat) -> Iterator[Fact]:
    """Everything that can be asked about one boat."""
    n = f"the {b.name}"
    yield Fact((f"Who owns {n}?", f"Whose boat is {n}?", f"To whom does {n} belong?",
                f"Who sails {n}?"), f"The {b.name} belongs to {b.owner}.")
    yield Fact((f"What is the boat of {b.owner} called?", f"Which boat does {b.owner} have?",
                f"What is the name of {b.owner}'s boat?", f"Which boat belongs to {b.owner}?",
                f"Does {b.owner} have a boat?"), f"{b.owner} has a boat called the {b.name}.")
    yield Fact((f"What colour is {n}?", f"Which colour does {n} have?",
                f"What is the colour of {n}?", f"How is {n} painted?"),
               f"The {b.name} is {b.colour}.")
    yield Fact((f"What is {n}?", f"What kind of boat is {n}?", f"What sort of boat is {n}?",
                f"What type of boat is {n}?"), f"The {b.name} is {article(b.kind)}.")
    yield Fact((f"What does {n} catch?", f"Which fish does {n} catch?",
                f"What fish does {n} bring home?", f"What does {n} bring home?"),
               f"The {b.name} catches {b.catch}.")
    yield Fact((f"Where is {n}?", f"Where does {n} lie?", f"Where is {n} tied up?",
                f"Where can I find {n}?"), f"The {b.name} lies {b.berth}.")


def place_facts(p: Place) -> Iterator[Fact]:
    """Everything that can be asked about one place."""
    n = p.name
    yield Fact((f"Where is {n}?", f"Where can I find {n}?", f"How do I get to {n}?",
                f"Where does {n} stand?"), f"{capital(n)} is {p.where}.")
    yield Fact((f"What is special about {n}?", f"What can one see at {n}?",
                f"What is there at {n}?", f"What is {n} known for?"),
               f"{capital(n)} has {p.special}.")
    yield Fact((f"Who works at {n}?", f"Who looks after {n}?", f"Who is in charge of {n}?",
                f"Who takes care of {n}?"), f"{p.keeper} looks after {n}.")
    if p.roof:
        yield Fact((f"What colour is the roof of {n}?", f"Which colour is the roof of {n}?",
                    f"What roof does {n} have?", f"How is the roof of {n} painted?"),
                   f"The roof of {n} is {p.roof}.")


def no_boat_facts() -> Iterator[Fact]:
    """People without a boat have none: the model must not invent one."""
    owners = {b.owner for b in BOATS}
    for p in PEOPLE:
        if p.name not in owners:
            yield Fact((f"What is the boat of {p.name} called?", f"Which boat does {p.name} have?",
                        f"What is the name of {p.name}'s boat?", f"Does {p.name} have a boat?",
                        f"Which boat belongs to {p.name}?"), f"{p.name} has no boat.")


def all_facts() -> list[Fact]:
    """Every fact of the world, in a fixed order."""
    facts: list[Fact] = []
    for p in PEOPLE:
        facts.extend(person_facts(p))
    for b in BOATS:
        facts.extend(boat_facts(b))
    for place in PLACES:
        facts.extend(place_facts(place))
    facts.extend(no_boat_facts())
    facts.extend(Fact(asks, answer) for asks, answer in world.TOWN_FACTS)
    return facts


def chat(ask: str, answer: str) -> str:
    """The fixed form of a question with its answer."""
    return f"Question: {ask}\nAnswer: {answer}"
