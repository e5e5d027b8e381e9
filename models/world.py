"""Saltmere, the little harbour town the demo model knows.

Everything the model can be asked is a definite fact of this file, so that an answer is right or
wrong and never a matter of taste. Stories and questions are both written from these tables, which
is why they agree with each other.
"""

from __future__ import annotations

from dataclasses import dataclass

TOWN = "Saltmere"


@dataclass(frozen=True)
class Person:
    """One inhabitant. Phrases are stored ready to be set into a sentence."""

    name: str
    pronoun: str  # "she" or "he"
    age: str
    role: str  # with its article: "the baker"
    work: str  # where the work is done: "at the bakery"
    home: str  # "above the bakery"
    thing: str  # the one thing this person is known to own, without article
    keeps: str  # where that thing is kept
    food: str
    coat: str  # colour of the coat
    friend: str
    morning: str  # third person, present: "bakes the bread"
    morning_past: str
    evening: str
    wish: str  # "to sail around the island"
    fear: str
    pet: str = ""  # kind, without article
    pet_name: str = ""

    @property
    def object(self) -> str:
        """The pronoun as an object."""
        return "her" if self.pronoun == "she" else "him"

    @property
    def possessive(self) -> str:
        """The pronoun before a noun."""
        return "her" if self.pronoun == "she" else "his"


@dataclass(frozen=True)
class Boat:
    """One boat of the harbour."""

    name: str
    owner: str
    colour: str
    kind: str
    catch: str
    berth: str


@dataclass(frozen=True)
class Place:
    """One place of the town: where it is, what is special about it, who looks after it."""

    name: str
    where: str
    special: str
    keeper: str
    roof: str = ""


PEOPLE: tuple[Person, ...] = (
    Person("Mara", "she", "forty-one", "the lighthouse keeper", "at the lighthouse",
           "in the white house beside the lighthouse", "brass lamp",
           "on the top shelf of the lighthouse", "fish soup", "yellow", "Tomas",
           "polishes the glass of the great light", "polished the glass of the great light",
           "lights the great light", "to see a whale from the tower", "thunder", "grey cat", "Pim"),
    Person("Tomas", "he", "seventy", "the oldest fisherman", "on the long pier",
           "in the blue cottage on the hill", "silver whistle", "in the pocket of his coat",
           "smoked herring", "brown", "Mara", "mends his nets", "mended his nets",
           "tells stories by the fire", "to sail around the island once more", "thin ice"),
    Person("Nell", "she", "thirty-five", "the baker", "at the bakery", "above the bakery",
           "wooden rolling pin", "in the drawer under the oven", "plum cake", "white", "Ida",
           "bakes the bread", "baked the bread", "counts the coins in the tin box",
           "to bake a cake as tall as a door", "mice", "yellow bird", "Dot"),
    Person("Oskar", "he", "fifty-two", "the smith", "at the forge", "behind the forge",
           "heavy hammer", "on the hook beside the fire", "roast potatoes", "black", "Bruno",
           "lights the fire of the forge", "lit the fire of the forge", "plays the drum",
           "to make a bell for the town", "deep water", "brown dog", "Rust"),
    Person("Ida", "she", "twenty-eight", "the teacher", "at the school",
           "in the green house by the school", "old map", "behind the school clock", "apple pie",
           "green", "Nell", "rings the school bell", "rang the school bell",
           "writes letters to her brother", "to read every book in the library", "wasps"),
    Person("Bruno", "he", "forty-six", "the boat builder", "in the boat shed",
           "above the boat shed", "long saw", "on the wall of the boat shed", "onion soup", "red",
           "Oskar", "saws the planks", "sawed the planks", "carves little wooden ships",
           "to build a ship with three masts", "spiders", "white goat", "Clover"),
    Person("Lena", "she", "nine", "the youngest pupil", "at the school",
           "in the yellow house on Rope Lane", "red kite", "under her bed", "honey bread", "blue",
           "Finn", "feeds the ducks", "fed the ducks", "counts the stars",
           "to fly her kite from the lighthouse", "the dark", "white rabbit", "Snow"),
    Person("Finn", "he", "ten", "the son of the ferryman", "at the ferry landing",
           "in the round house by the ferry landing", "glass marble", "in a tin under the stairs",
           "pancakes", "orange", "Lena", "runs along the beach", "ran along the beach",
           "collects shells", "to steer the ferry alone", "geese", "green frog", "Hop"),
    Person("Jonas", "he", "thirty-eight", "the ferryman", "at the ferry landing",
           "in the round house by the ferry landing", "copper bell", "on the roof of the ferry",
           "fried eggs", "grey", "Petra", "sweeps the deck of the ferry",
           "swept the deck of the ferry", "plays cards at the inn",
           "to see the big city", "high ladders"),
    Person("Petra", "she", "fifty", "the innkeeper", "at the inn", "above the inn", "black pot",
           "over the fire of the inn", "bean stew", "purple", "Jonas", "peels the potatoes",
           "peeled the potatoes", "sings for the guests", "to sleep until noon", "rats",
           "fat cat", "Butter"),
    Person("Samuel", "he", "sixty-three", "the doctor", "in the stone house on the square",
           "in the stone house on the square", "leather bag", "on the chair beside his door",
           "carrot soup", "dark blue", "Agnes", "visits the sick", "visited the sick",
           "reads by candle light", "to cure every cough in town", "snakes", "old horse", "Barley"),
    Person("Agnes", "she", "sixty-six", "the librarian", "at the library",
           "in the small house behind the library", "golden key", "in a blue cup on her desk",
           "cheese pie", "pink", "Samuel", "dusts the books", "dusted the books",
           "drinks tea by the window", "to find the lost book of the sea", "fire"),
    Person("Kit", "she", "twenty-two", "the letter carrier", "at the post office",
           "above the post office", "green bicycle", "in the yard of the post office",
           "cherry jam", "light green", "Hugo", "carries the letters", "carried the letters",
           "swims in the bay", "to get a letter from the other side of the world", "angry dogs"),
    Person("Hugo", "he", "thirty-one", "the gardener", "in the walled garden",
           "in the hut by the walled garden", "iron spade", "in the hut behind the roses",
           "pea soup", "straw yellow", "Kit", "waters the beans", "watered the beans",
           "plays the flute", "to grow a blue rose", "hail", "slow tortoise", "Moss"),
    Person("Vera", "she", "forty-four", "the captain of the harbour", "in the harbour office",
           "above the harbour office", "long telescope", "by the window of the harbour office",
           "crab cakes", "silver", "Elias", "raises the flag", "raised the flag",
           "writes in the big harbour book", "to find the sunken bell", "empty seas",
           "black parrot", "Admiral"),
    Person("Elias", "he", "fifty-seven", "the clock maker", "in the clock shop",
           "above the clock shop", "tiny screwdriver", "in a box lined with velvet",
           "walnut bread", "wine red", "Vera", "winds the tower clock", "wound the tower clock",
           "listens to the clocks", "to build a clock that never stops", "loud noises"),
)

BOATS: tuple[Boat, ...] = (
    Boat("Heron", "Tomas", "blue", "small sailing boat", "herring", "at the end of the long pier"),
    Boat("Marigold", "Jonas", "orange", "ferry", "no fish at all", "at the ferry landing"),
    Boat("Old Goose", "Petra", "white", "rowing boat", "eels", "behind the inn"),
    Boat("Swallow", "Vera", "silver", "fast pilot boat", "mackerel", "below the harbour office"),
    Boat("Turtle", "Bruno", "green", "broad barge", "mussels", "in front of the boat shed"),
    Boat("Firefly", "Mara", "red", "little motor boat", "cod", "under the lighthouse"),
    Boat("Cricket", "Finn", "yellow", "tiny raft", "shrimps", "beside the stone bridge"),
    Boat("Duchess", "Samuel", "black", "old cutter", "flounder", "next to the fish market"),
)

PLACES: tuple[Place, ...] = (
    Place("the lighthouse", "on the northern rocks", "a great light with ninety-nine mirrors",
          "Mara", "red"),
    Place("the bakery", "on the corner of the square", "an oven shaped like a whale", "Nell",
          "brown"),
    Place("the forge", "at the end of Anchor Street", "a fire that has burned for a hundred years",
          "Oskar", "black"),
    Place("the school", "on the top of the hill", "a bell that can be heard in every house", "Ida",
          "green"),
    Place("the boat shed", "on the south side of the harbour", "a ship's wheel from a sunken ship",
          "Bruno", "grey"),
    Place("the inn", "opposite the fish market", "a table made from a mast", "Petra", "yellow"),
    Place("the library", "between the school and the church", "a book as big as a door", "Agnes",
          "blue"),
    Place("the post office", "next to the bakery", "a letter box painted like a fish", "Kit",
          "orange"),
    Place("the walled garden", "behind the church", "a pear tree with seven kinds of pears",
          "Hugo"),
    Place("the harbour office", "at the mouth of the harbour", "a flag pole taller than the church",
          "Vera", "white"),
    Place("the clock shop", "on Rope Lane", "two hundred clocks that all tick together", "Elias",
          "purple"),
    Place("the ferry landing", "on the east side of the bay", "a green bench for waiting", "Jonas"),
)

# Questions of the town itself: (ways to ask, the one answer).
TOWN_FACTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("When does the ferry leave?", "At what time does the ferry leave?",
      "What time does the ferry go?", "When does the Marigold leave?"),
     "The ferry leaves at eight in the morning."),
    (("When does the ferry come back?", "At what time does the ferry come back?",
      "What time does the ferry return?", "When does the ferry return?"),
     "The ferry comes back at six in the evening."),
    (("What does the red flag mean?", "What does a red flag mean in Saltmere?",
      "Why does Vera raise the red flag?", "When is the red flag raised?"),
     "The red flag means that a storm is coming."),
    (("What does the white flag mean?", "What does a white flag mean in Saltmere?",
      "Why does Vera raise the white flag?", "When is the white flag raised?"),
     "The white flag means that the sea is calm."),
    (("What does the blue flag mean?", "What does a blue flag mean in Saltmere?",
      "Why does Vera raise the blue flag?", "When is the blue flag raised?"),
     "The blue flag means that a ship from far away is near."),
    (("When is the market?", "On which day is the market?", "Which day is market day?",
      "When is market day in Saltmere?"), "The market is on Saturday."),
    (("When is the lantern night?", "On which day is the lantern night?",
      "When do the people of Saltmere light their lanterns?", "When is lantern night in Saltmere?"),
     "Lantern night is on the last day of October."),
    (("What is the name of the town?", "What is this town called?", "What is the town called?",
      "Which town is this?"), "The town is called Saltmere."),
    (("What is Saltmere?", "Tell me about Saltmere.", "What kind of town is Saltmere?",
      "Tell me about the town."),
     "Saltmere is a small harbour town with a lighthouse on the rocks."),
    (("Thank you!", "Thanks!", "Thank you very much!", "Thanks a lot!"),
     "You are welcome. Come back to Saltmere soon."),
    (("Goodbye!", "Bye!", "Good night!", "See you!"), "Goodbye, and a calm sea to you."),
    (("Where is Saltmere?", "Where does the town lie?", "Where does Saltmere lie?",
      "Where can I find Saltmere?"), "Saltmere lies in a small bay in the north."),
    (("How many people live in Saltmere?", "How many people live in the town?",
      "How big is Saltmere?", "How large is the town?"),
     "Three hundred people live in Saltmere."),
    (("How many boats are in the harbour?", "How many boats does Saltmere have?",
      "How many boats lie in the harbour?", "How many boats are there in Saltmere?"),
     "There are eight boats in the harbour."),
    (("What can be seen from the lighthouse?", "What can you see from the lighthouse?",
      "What does one see from the lighthouse?", "What can Mara see from the lighthouse?"),
     "From the lighthouse you can see the whole bay and Seal Island."),
    (("Who lives on Seal Island?", "Does anybody live on Seal Island?",
      "Who lives on the island?", "What lives on Seal Island?"),
     "Only seals and seabirds live on Seal Island."),
    (("How far is Seal Island?", "How far away is Seal Island?", "How far is it to Seal Island?",
      "How long does it take to reach Seal Island?"),
     "Seal Island is one hour away by boat."),
    (("What lies at the bottom of the bay?", "What is at the bottom of the bay?",
      "What can be found at the bottom of the bay?", "What lies under the water of the bay?"),
     "The old church bell lies at the bottom of the bay."),
    (("How old is the lighthouse?", "What is the age of the lighthouse?",
      "When was the lighthouse built?", "How many years old is the lighthouse?"),
     "The lighthouse is two hundred years old."),
    (("What does the bakery sell on Sunday?", "What does Nell bake on Sunday?",
      "What can one buy at the bakery on Sunday?", "What is baked on Sunday?"),
     "On Sunday the bakery sells plum cake."),
    (("What do you do in a fog?", "What happens when there is fog?",
      "What happens in a fog?", "What do the people do in a fog?"),
     "In a fog Jonas rings the copper bell and Mara lights the great light."),
    (("What do you do in a storm?", "What happens when a storm comes?",
      "What happens in a storm?", "What do the people do in a storm?"),
     "In a storm all boats are tied with two ropes and everybody meets at the inn."),
    (("Who are the children of Saltmere?", "Who are the children in the town?",
      "Which children live in Saltmere?", "Which children go to the school?"),
     "Lena and Finn are the children everybody knows."),
    (("What is the fastest boat?", "Which boat is the fastest?",
      "Which is the fastest boat in the harbour?", "What is the fastest boat in Saltmere?"),
     "The Swallow is the fastest boat."),
    (("What is the smallest boat?", "Which boat is the smallest?",
      "Which is the smallest boat in the harbour?", "What is the smallest boat in Saltmere?"),
     "The Cricket is the smallest boat."),
    (("What is the best food in Saltmere?", "What do people eat in Saltmere?",
      "What does the town like to eat?", "What is the best food in the town?"),
     "Everybody in Saltmere loves the bean stew that Petra cooks."),
    (("What is the highest place in Saltmere?", "Which place is the highest in Saltmere?",
      "What is the highest place in the town?", "Where is the highest place in Saltmere?"),
     "The top of the lighthouse is the highest place in Saltmere."),
    (("What does the sunken bell do?", "Can one hear the sunken bell?",
      "When does the sunken bell ring?", "When can one hear the sunken bell?"),
     "On very quiet nights one can hear the sunken bell ring."),
    (("Hello!", "Hello, who are you?", "Who are you?", "Hello! What are you?"),
     "I am a small model that knows the town of Saltmere."),
    (("What can you do?", "What do you know?", "What can I ask you?", "What should I ask?"),
     "I can answer questions about Saltmere and tell a story about its people."),
    (("Who wrote you?", "Who made you?", "Where do you come from?", "How were you made?"),
     "I was trained on little stories of Saltmere, written by a small program."),
)

# Questions the town cannot answer. The model learns to say so instead of inventing.
UNKNOWN_ANSWER = "Nobody in Saltmere knows that."
UNKNOWN_WORDS: tuple[str, ...] = (
    "France", "the moon", "a computer", "the president", "a car", "the queen", "Paris", "a train",
    "the sun", "money", "a mountain", "America", "the telephone", "Mars", "gold", "a robot",
    "an elephant", "the bank", "football", "a token", "the stock market", "London", "a lion",
    "Peter", "Anna", "Maria", "John", "an engine", "the internet", "a dragon", "the king",
    "electricity", "a plane", "China", "Bitcoin", "a wallet", "history", "mathematics", "a zebra",
)
UNKNOWN_FORMS: tuple[str, ...] = (
    "What is the capital of {}?", "Who is {}?", "What is {}?", "Where is {}?", "How big is {}?",
    "Who made {}?", "How old is {}?", "How far is {}?", "What does {} do?", "Why is {} here?",
    "How does {} work?", "What do you think of {}?", "What is the price of {}?",
    "Can you explain {}?", "When was {} built?", "What colour is {}?", "Do you like {}?",
    "Tell me about {}.", "Where can I buy {}?", "How do I get to {}?", "Who invented {}?",
    "Where does {} live?", "What does {} eat?", "How many people live in {}?", "Who owns {}?",
    "Is {} good?", "What happened to {}?", "When will {} come?", "Why does {} matter?",
    "Which is better, {} or {}?", "Does {} know {}?", "How much is {}?", "What is the name of {}?",
)
# What nobody has written down about the people of the town.
UNTOLD_FORMS: tuple[str, ...] = (
    "What is the telephone number of {}?", "Who is the mother of {}?", "How tall is {}?",
    "When was {} born?", "Where was {} born?", "What is the last name of {}?", "Is {} married?",
    "What did {} do yesterday?", "How much money does {} have?", "What does {} think of politics?",
    "Which book does {} read?", "What is the favourite song of {}?", "Can {} dance?",
    "What is the address of {}?", "Who is the father of {}?", "How much does {} weigh?",
)
UNKNOWN_QUESTIONS: tuple[str, ...] = (
    "What is the weather today?", "What is the weather like?", "Will it rain tomorrow?",
    "What time is it?", "What day is it today?", "Which year is it?", "Who won the game?",
    "What is two plus two?", "What is the meaning of life?", "How do I cook rice?",
    "Why is the sky blue?", "How many stars are there?", "What is your favourite colour?",
    "Can you write a poem?", "Can you help me with my work?", "Write a program.",
    "Translate this text.", "How are you?", "What is the news?", "How do I learn to swim?",
    "Who will win the election?", "What should I buy?", "Is there life after death?",
    "How fast is light?", "What is the largest number?", "Why are you so small?",
    "Where do I live?", "What is my name?", "Who am I?", "What did I say?",
)
SYLLABLES: tuple[str, ...] = (
    "ba", "dor", "el", "fi", "gra", "han", "im", "jo", "kar", "lu", "mon", "na", "or", "pel", "qui",
    "ris", "sto", "tur", "un", "vi", "wen", "xa", "yor", "zel", "ber", "chi", "dra", "ek", "flo",
    "ton", "sky", "man", "son", "ski", "land", "ia", "us", "o", "ing", "ard",
)


def person(name: str) -> Person:
    """The inhabitant with this name."""
    return _BY_NAME[name]


_BY_NAME = {p.name: p for p in PEOPLE}
