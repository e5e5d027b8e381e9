"""Short stories of Saltmere, put together from plots, facts and a seeded random source.

A plot is a list of sentences, each chosen among several. Names, places, things and habits come
from the tables of world.py, so that a story never contradicts an answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from questions import article, capital
from world import BOATS, PEOPLE, PLACES, Boat, Person, Place, person

WEATHER = (
    "the sea was as flat as a plate", "a light wind came from the west", "soft rain was falling",
    "the sun stood bright over the bay", "small white clouds went by", "the air smelled of salt",
    "the gulls were very loud", "frost lay on the roofs", "a warm wind came over the hill",
    "the waves were high and green", "it was cold and clear", "the harbour was quiet",
)
FEELINGS = ("happy", "glad", "proud", "very happy", "warm inside", "brave", "at peace")
FINDS = ("a green bottle with a letter in it", "a small wooden box", "a silver spoon",
         "a shell as big as a hand", "an old coin", "a blue glass bead", "a broken oar",
         "a little brass compass", "a child's shoe", "a ring with a red stone")
SNACKS = ("a fish", "a crumb", "an apple", "some bread")
SMELLS = ("roses", "fish", "smoke", "tea")
GIFTS = ("a jar of honey", "a warm scarf", "a basket of pears", "a loaf of bread", "a candle",
         "a pot of soup", "a bunch of roses", "a new rope", "a box of nails", "a paper boat")
DAYS = ("One morning", "One day", "On Monday morning", "One autumn day", "Early one day",
        "On a Friday", "One spring morning", "Last winter")
# Plots that name their own day may only begin on a day that agrees with it.
PLOT_DAYS = {"market day": ("One morning", "One day", "Early one day", "One spring morning"),
             "lantern night": ("One autumn day", "One day", "One morning")}
ENDINGS = (
    "From that day on they were even better friends.", "Nobody in Saltmere forgot that day.",
    "That night everybody slept well.", "And the lighthouse shone over the quiet bay.",
    "It was a good day in Saltmere.", "The gulls laughed, and the tide went out.",
    "Then the stars came out over the harbour.", "And that is how the day ended in Saltmere.",
    "They still talk about it at the inn.", "The next morning the sea was calm again.",
)
LESSONS = ("A friend is better than a full net.", "Two hands are good, but four are better.",
           "What is shared is never lost.", "Who waits for the tide gets home.",
           "A small light is enough in a great fog.", "Look twice before you search once.",
           "The sea gives back what it likes.", "Slow work is good work.")


@dataclass(frozen=True)
class Scene:
    """What a plot is told about: one hero, two others, a place, a boat and a random source."""

    rng: Random
    hero: Person
    friend: Person
    other: Person
    place: Place
    boat: Boat

    def pick(self, options: Sequence[str]) -> str:
        """One of several sentences."""
        return self.rng.choice(options)


def opening(s: Scene, days: Sequence[str]) -> str:
    """Introduces the hero on one of the days the plot allows."""
    h = s.hero
    weather = s.pick(WEATHER)
    day = s.pick(days)
    return s.pick((
        f"{day} {weather}, and {h.name} {h.morning_past}.",
        f"{h.name} was {h.role} of Saltmere. {day} {weather}.",
        f"{day} {h.name}, {h.role}, woke early. {capital(weather)}.",
        f"{day} {h.name} put on {h.possessive} {h.coat} coat. {capital(weather)}.",
    ))


def closing(s: Scene) -> str:
    """A feeling, sometimes a lesson, and a last sentence."""
    h = s.hero
    parts = [s.pick((
        f"{h.name} was {s.pick(FEELINGS)}.",
        f"In the evening {h.name} ate {h.food} and was {s.pick(FEELINGS)}.",
        f"{h.name} and {s.friend.name} sat together and ate {h.food}.",
        f'"Thank you," said {h.name}, and {h.pronoun} was {s.pick(FEELINGS)}.',
    ))]
    if s.rng.random() < 0.4:
        parts.append(f'"{s.pick(LESSONS)}" said {s.pick((s.friend.name, h.name))}.'
                     .replace('." said', '," said'))
    parts.append(s.pick(ENDINGS))
    return " ".join(parts)


def lost_thing(s: Scene) -> list[str]:
    """Something is not where it is kept; it is found and put back."""
    h, f, t = s.hero, s.friend, s.hero.thing
    return [
        s.pick((f"{capital(h.pronoun)} wanted to fetch the {t}, but it was gone.",
                f"But the {t} was not {h.keeps}.",
                f"{capital(h.pronoun)} looked for the {t}, but it was not {h.keeps}.")),
        s.pick((f"{h.name} asked {s.other.name}, but {s.other.name} had not seen it.",
                f"{h.name} looked under the table and behind the door, but found nothing.",
                f'"Who took my {t}?" asked {h.name}.')),
        s.pick((f"Then {f.name} came and helped to search.",
                f"So {h.pronoun} went to {f.name}, {f.role}, who is good at finding things.",
                f"{f.name} put on a {f.coat} coat and came to help.")),
        s.pick((f"They found the {t} at {s.place.name}.",
                f"At {s.place.name} they found the {t} under an old sack.",
                f"In the end the {t} lay at {s.place.name}, wet but whole.")),
        s.pick((f"{h.name} put it back where it belongs: {h.keeps}.",
                f"Now it is again {h.keeps}.",
                f"Since then {h.pronoun} always keeps it {h.keeps}.")),
    ]


def fog(s: Scene) -> list[str]:
    """A boat is lost in the fog; bell and light bring it home."""
    # Mara and Jonas are needed ashore, so their boats never get lost.
    b = s.rng.choice([x for x in BOATS if x.owner not in ("Mara", "Jonas")])
    owner = person(b.owner)
    return [
        s.pick(("Then a thick fog came in from the sea.", "At noon the fog came and hid the bay.",
                "Suddenly there was fog everywhere.")),
        s.pick((f"The {b.name}, the {b.kind} of {owner.name}, was still out on the water.",
                f"But {owner.name} had not come home, and the {b.name} was not {b.berth}.")),
        s.pick(("Jonas rang the copper bell on the roof of the ferry.",
                "Jonas heard of it and rang the copper bell.")),
        s.pick(("Mara lit the great light in the lighthouse.",
                "High in the lighthouse Mara lit the great light with its ninety-nine mirrors.")),
        s.pick((f"{owner.name} heard the bell, saw the light and steered towards them.",
                f"Out in the grey {owner.name} heard the bell and turned the {b.name} around.")),
        s.pick((f"Soon the {b.colour} boat lay {b.berth}.",
                f"An hour later the {b.name} lay {b.berth}.",
                f"At last the {b.name} came home and lay {b.berth}.")),
    ]


def storm(s: Scene) -> list[str]:
    """The red flag goes up; the boats are tied; everybody meets at the inn."""
    h, b = s.hero, s.boat
    return [
        s.pick(("Vera looked through the long telescope and saw black clouds.",
                "In the harbour office Vera saw the black clouds first.")),
        s.pick(('"A storm is coming," she said, and raised the red flag.',
                "She raised the red flag, for a storm was coming.")),
        s.pick((f"{h.name} ran down to help {b.owner} with the {b.name}."
                if b.owner != h.name else f"{h.name} ran down to the {b.name}.",
                f"The {b.name} was still loose {b.berth}.")),
        s.pick(("They tied every boat with two ropes.", "Every boat was tied with two ropes.")),
        s.pick(("Then everybody met at the inn, and Petra cooked bean stew in the black pot.",
                "In the inn Petra cooked bean stew, and all the people sat close together.")),
        s.pick(("The wind howled, but Petra sang for the guests.",
                f"{s.friend.name} told a long tale, and nobody was afraid.",
                "Oskar played the drum until the thunder was gone.")),
        s.pick(("In the morning Vera raised the white flag.",
                "At dawn the white flag was up, and the sea was calm.")),
    ]


def found(s: Scene) -> list[str]:
    """Something lies on the beach, and the town finds out whose it is."""
    h, f, find = s.hero, s.friend, s.pick(FINDS)
    return [
        s.pick((f"On the beach {h.pronoun} found {find}.",
                f"Between two stones {h.pronoun} saw {find}.",
                f"The tide had brought {find}.")),
        s.pick((f'"Whose can it be?" asked {h.name}.', f"{h.name} did not know whose it was.",
                f'"I must find the owner," thought {h.name}.')),
        s.pick((f"{capital(h.pronoun)} showed it to {f.name} {f.work}.",
                f"{f.name}, {f.role}, looked at it for a long time.")),
        s.pick((f'"It belongs to {s.other.name}," said {f.name}.',
                f'"I know it," said {f.name}. "{s.other.name} lost it many years ago."')),
        s.pick((f"{s.other.name} laughed and gave {h.object} {s.pick(GIFTS)}.",
                f"So they went to {s.other.name}, who lives {s.other.home}.")),
    ]


def pet_away(s: Scene) -> list[str]:
    """A pet has run away and is found on a boat."""
    busy = (s.friend.name, s.other.name)
    owner = s.hero if s.hero.pet else s.rng.choice([p for p in PEOPLE
                                                    if p.pet and p.name not in busy])
    kind, name, b = owner.pet, owner.pet_name, s.boat
    return [
        s.pick((f"But {name}, the {kind} of {owner.name}, was gone.",
                f"Then {owner.name} called for {name}, the {kind}, but {name} did not come.")),
        s.pick((f"They looked at {s.place.name} and {s.other.work}.",
                f"{s.other.name} looked behind every door.",
                f'"{name}! {name}!" called {owner.name} through the streets.')),
        s.pick((f"At last they heard a sound from the {b.name}, which lies {b.berth}.",
                f"Then {s.friend.name} pointed to the {b.name}, the {b.colour} boat {b.berth}.")),
        s.pick((f"There sat {name} and ate {s.pick(SNACKS)}.",
                f"{name} was asleep under the {b.colour} sail.",
                f"{name} sat in the boat and looked at the waves.")),
        s.pick((f"{owner.name} carried {name} home.", f"{name} was very glad to go home.",
                f"{owner.name} laughed and took {name} home.")),
    ]


def repair(s: Scene) -> list[str]:
    """Something breaks at a place; a craftsman mends it and is thanked."""
    h, p = s.hero, s.place
    smith = s.rng.choice([person(n) for n in ("Oskar", "Bruno", "Elias")
                          if n not in (h.name, p.keeper)])
    broken = s.pick(("the door", "a window", "the old chair", "the lamp by the gate", "the ladder",
                     "the lock", "the big table", "the weather vane"))
    return [
        s.pick((f"At {p.name} {broken} was broken.", f"The wind had broken {broken} at {p.name}.")),
        s.pick((f"{h.name} went to {smith.name}, {smith.role}, for help.",
                f'"Only {smith.name} can mend that," said {h.name}.')),
        s.pick((f"{smith.name} took the {smith.thing}, which is kept {smith.keeps}.",
                f"{smith.name} came with the {smith.thing}.")),
        s.pick(("It took the whole afternoon.", "The work was hard, but soon it was done.",
                f"{smith.name} worked until the sun went down.")),
        s.pick((f"{p.keeper} gave {smith.object} {s.pick(GIFTS)}.",
                f"Then {h.name} brought {smith.object} some {smith.food}.",
                f"{capital(broken)} was as good as new.")),
    ]


def fishing(s: Scene) -> list[str]:
    """A boat goes out and brings back its catch."""
    # A ferry does not fish, and nobody shares with himself.
    idle = ("Jonas", s.friend.name, s.other.name)
    b = s.rng.choice([x for x in BOATS if x.owner not in idle])
    owner = person(b.owner)
    return [
        s.pick((f"{owner.name} took the {b.name} out to Seal Island.",
                f"The {b.name}, the {b.colour} {b.kind} of {owner.name}, "
                "sailed out of the harbour.")),
        s.pick(("For a long time nothing happened.", "First the net stayed empty.",
                "The seals looked on from their island.")),
        s.pick((f"Then the net was full of {b.catch}.",
                f"At noon there were {b.catch} everywhere.")),
        s.pick((f"{owner.name} came home and put the {b.name} {b.berth}.",
                f"In the evening the {b.name} lay again {b.berth}.")),
        s.pick((f"{owner.name} shared the catch with {s.friend.name} and {s.other.name}.",
                f"There were {b.catch} for everybody.")),
    ]


def letter(s: Scene) -> list[str]:
    """Kit brings a letter that changes the day."""
    h = s.hero
    if h.name == "Kit":  # she carries the letters of others, and the fog is as good a tale
        return fog(s)
    return [
        s.pick(("Then Kit came along on the green bicycle.",
                "At ten o'clock Kit, the letter carrier, knocked at the door.")),
        s.pick((f'"A letter for {h.name}!" she called.', f"She had a letter for {h.name}.")),
        s.pick((f"It came from {s.other.name} and smelled of {s.pick(SMELLS)}.",
                "It had come a long way over the sea.",
                f"{s.friend.name} wanted to know who wrote it.")),
        s.pick((f'"Come to {s.place.name} at six," it said.',
                f'It said: "Please come to {s.place.name} this evening."')),
        s.pick((f"At {s.place.name} {s.friend.name} and {s.other.name} were waiting "
                f"with {s.pick(GIFTS)}.",
                f"When {h.pronoun} came there, all the friends were waiting and sang.")),
    ]


def market(s: Scene) -> list[str]:
    """Saturday is market day, and something is traded."""
    h, f, o = s.hero, s.friend, s.other
    return [
        s.pick(("It was Saturday, and the square was full of people.",
                "On Saturday there is the market, and everybody was there.")),
        s.pick((f"{h.name} wanted to buy {s.pick(GIFTS)}, but {h.pronoun} had no coins.",
                f"{h.name} sold {s.pick(GIFTS)} to {o.name}.")),
        s.pick((f"{f.name} gave {h.object} {s.pick(GIFTS)} for nothing.",
                f'"Take {s.pick(GIFTS)}," said {f.name}, "and pay me another day."')),
        s.pick((f"At noon they all ate {o.food}.", "Nell had baked small cakes for the children.",
                "Hugo played the flute, and Oskar played the drum.")),
    ]


def lanterns(s: Scene) -> list[str]:
    """Lantern night, on the last day of October."""
    h, f = s.hero, s.friend
    shape = s.pick(("a fish", "a ship", "a star", "a whale", "a moon", "a bird"))
    return [
        s.pick(("It was the last day of October, and that is lantern night.",
                "Everybody was waiting for lantern night.")),
        s.pick((f"{h.name} made a lantern like {shape}.",
                f"{f.name} showed {h.object} how to make a lantern like {shape}.")),
        s.pick(("Lena and Finn ran ahead with their lights.",
                f"{s.other.name} carried the biggest lantern of all.")),
        s.pick(("They walked from the square to the end of the long pier.",
                f"They walked past {s.place.name} and down to the water.")),
        s.pick(("There they put the lanterns on the sea, and the bay was full of stars.",
                "It was so quiet that they could hear the sunken bell.")),
    ]


def wish(s: Scene) -> list[str]:
    """The hero's wish, and a friend who helps a little."""
    h, f = s.hero, s.friend
    return [
        s.pick((f"For years {h.name} had one wish: {h.wish}.",
                f"{h.name} always wanted {h.wish}.")),
        s.pick((f'"I am too small for that," said {h.name}.',
                f'"It will never happen," said {h.name}.',
                f"{capital(h.pronoun)} told nobody but {f.name}.")),
        s.pick((f"{f.name} thought about it the whole night.",
                f"{f.name} only smiled and went to see {s.other.name}.")),
        s.pick((f"The next day {f.name} came with {s.pick(GIFTS)} and a plan.",
                f'"We will try it together," said {f.name}.')),
        s.pick((f"They tried it until the evening, and {s.other.name} helped them.",
                "It did not work the first time, but they tried again.",
                "It was only a beginning, but a good one.")),
    ]


def fear(s: Scene) -> list[str]:
    """The hero is afraid of something and is not left alone with it."""
    h, f = s.hero, s.friend
    return [
        s.pick((f"Everybody knew that {h.name} was afraid of {h.fear}.",
                f"{h.name} was brave, but {h.pronoun} was afraid of {h.fear}.")),
        s.pick((f'"I am afraid of {f.fear}," said {f.name}. "So we are two."',
                f"{f.name} did not laugh, for {f.name} was afraid of {f.fear}.")),
        s.pick((f"They went together to {s.place.name} and held hands.",
                f"Then {f.name} gave {h.object} {s.pick(GIFTS)}.")),
        s.pick(("After a while it was not so bad.", "And the fear became smaller and smaller.",
                f"Even {s.other.name} said that it was a brave thing to do.")),
    ]


# Each plot with the words by which a story about it is asked for.
PLOTS: dict[str, Callable[[Scene], list[str]]] = {
    "a lost thing": lost_thing, "the fog": fog, "a storm": storm, "the beach": found,
    "a lost pet": pet_away, "something broken": repair, "fishing": fishing, "a letter": letter,
    "market day": market, "lantern night": lanterns, "a wish": wish, "being afraid": fear,
}


def scene(rng: Random, hero: Person | None = None) -> Scene:
    """A random scene; the friend is the hero's own best friend in most stories."""
    hero = hero or rng.choice(PEOPLE)
    others = [p for p in PEOPLE if p.name not in (hero.name, hero.friend)]
    friend = person(hero.friend) if rng.random() < 0.8 else others.pop(rng.randrange(len(others)))
    return Scene(rng, hero, friend, rng.choice(others), rng.choice(PLACES), rng.choice(BOATS))


def story(rng: Random, hero: Person | None = None, topic: str | None = None) -> str:
    """One story as a single paragraph."""
    s = scene(rng, hero)
    topic = topic or rng.choice(list(PLOTS))
    return " ".join([opening(s, PLOT_DAYS.get(topic, DAYS)), *PLOTS[topic](s), closing(s)])


def profile(rng: Random, who: Person | None = None) -> str:
    """A short portrait of one person, from the facts alone."""
    p = who or rng.choice(PEOPLE)
    he = capital(p.pronoun)
    lines = [
        f"{he} lives {p.home}.", f"{he} wears a {p.coat} coat and likes {p.food} best.",
        f"In the morning {p.pronoun} {p.morning}, and in the evening {p.pronoun} {p.evening}.",
        f"{he} keeps the {p.thing} {p.keeps}.", f"{he} wants {p.wish}.",
        f"{he} is afraid of {p.fear}.", f"{capital(p.possessive)} best friend is {p.friend}.",
    ]
    if p.pet:
        lines.append(f"{he} has {article(p.pet)} called {p.pet_name}.")
    chosen = rng.sample(lines, k=rng.randint(3, 5))
    return " ".join([f"{p.name} is {p.role} of Saltmere and {p.age} years old.", *chosen])
