"""Tests of the generator, the file format and the shipped model."""

from __future__ import annotations

import json
import os
import tempfile
import unittest
from collections import defaultdict
from pathlib import Path
from random import Random

import numpy as np

import card
import check
import generate
import gguf
import stories
from llama import Llama
from questions import all_facts
from spm import Vocabulary
from world import BOATS, PEOPLE

DEMO = Path(__file__).resolve().parent / "demo"
SHARED = Path(os.environ.get("IMO_SHARED_DATA",
                             Path(__file__).resolve().parents[2] / "shared" / "data"))
STORIES260K = SHARED / "models" / "stories260K" / "stories260K-pad192-f32.gguf"
PUBLISHED = (
    ", there was a little girl named Lily. She loved to play outside in the park. One day, she saw "
    "a big, red ball. She wanted to play with it, but it was too high.\n"
    "Lily's mom said, \"Lily, let's go to the park.\" Lily was sad and didn't know what to do. She "
    "said, \"I want to play with your ball, but I can't find it.\"\n"
)


class World(unittest.TestCase):
    """The facts are facts."""

    def test_no_question_has_two_answers(self) -> None:
        answers = defaultdict(set)
        for fact in all_facts():
            for ask in fact.asks:
                answers[ask].add(fact.answer)
        self.assertEqual({a: s for a, s in answers.items() if len(s) > 1}, {})

    def test_names_refer_to_people(self) -> None:
        names = {p.name for p in PEOPLE}
        self.assertTrue({p.friend for p in PEOPLE} | {b.owner for b in BOATS} <= names)

    def test_every_fact_keeps_two_ways_of_asking_for_training(self) -> None:
        for ways, answer in generate.training_asks(all_facts()):
            self.assertGreaterEqual(len(ways), 2, answer)


class Text(unittest.TestCase):
    """The generated text is what the training script and the tests take it for."""

    def test_held_out_questions_and_stories_are_not_in_training(self) -> None:
        training = generate.training_documents(20)
        seen = {line for d in training for line in d.split("\n")}
        for document in generate.heldout_documents():
            self.assertNotIn(document.split("\n")[0], seen)

    def test_same_seed_same_text(self) -> None:
        self.assertEqual(generate.training_documents(1), generate.training_documents(1))

    def test_no_document_contains_an_empty_line(self) -> None:
        for document in generate.training_documents(3):
            self.assertNotIn("\n\n", document)
            self.assertTrue(document.strip())

    def test_shipped_held_out_text_is_the_generated_one(self) -> None:
        self.assertEqual(generate.read_documents(DEMO / "heldout.txt"),
                         generate.heldout_documents())

    def test_every_plot_works_for_every_hero(self) -> None:
        for topic in stories.PLOTS:
            for hero in PEOPLE:
                text = stories.story(Random(1), hero, topic)
                self.assertIn(hero.name, text)
                self.assertNotRegex(text, r"[{}]|  |\.\.|,,")


class Format(unittest.TestCase):
    """GGUF and Q8_0."""

    def test_q8_0_is_within_half_a_step(self) -> None:
        x = np.random.default_rng(1).normal(size=(7, 64)).astype(np.float32)
        back = gguf.dequantise_q8_0(gguf.quantise_q8_0(x)).reshape(x.shape)
        step = np.abs(x.reshape(-1, 32)).max(axis=1, keepdims=True) / 127
        # float16 rounds the scale by at most 2^-11, which 127 steps turn into a sixteenth more.
        self.assertLess((np.abs(x - back).reshape(-1, 32) / step).max(), 0.5 + 127 / 2048 + 1e-3)

    def test_zero_block_stays_zero(self) -> None:
        zero = np.zeros((1, 32), dtype=np.float32)
        self.assertEqual(gguf.quantise_q8_0(zero), bytes(34))

    def test_what_is_written_is_read(self) -> None:
        metadata = {"a.string": "wörld", "a.number": 7, "a.real": 0.5, "a.truth": True,
                    "a.list": ["x", "y"], "a.ids": [1, 2]}
        tensors = {"m": np.arange(-32, 32, dtype=np.float32).reshape(2, 32),
                   "v": np.ones(5, dtype=np.float32)}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.gguf"
            gguf.write(path, metadata, tensors)
            file = gguf.read(path)
            path.write_bytes(path.read_bytes()[:-1])
            self.assertRaises(ValueError, gguf.read, path)
        self.assertEqual(file.metadata, metadata)
        np.testing.assert_array_equal(file.tensors["v"], tensors["v"])
        np.testing.assert_allclose(file.tensors["m"], tensors["m"], atol=0.15)


class Model(unittest.TestCase):
    """The shipped model, read from disk."""

    def test_the_card_holds(self) -> None:
        stated = json.loads((DEMO / "card.json").read_text(encoding="utf-8"))
        self.assertEqual(check.differences(stated, card.measure(DEMO)), [])

    def test_a_wrong_card_is_noticed(self) -> None:
        stated = json.loads((DEMO / "card.json").read_text(encoding="utf-8"))
        wrong = {**stated, "held_out_loss": stated["held_out_loss"] + 0.001}
        self.assertEqual(len(check.differences(wrong, stated)), 1)

    def test_readme_states_the_measured_loss(self) -> None:
        stated = json.loads((DEMO / "card.json").read_text(encoding="utf-8"))
        text = (DEMO / "README.md").read_text(encoding="utf-8")
        self.assertIn(f"value: {stated['held_out_loss']:.4f}\n", text)
        self.assertNotIn("@", text)

    def test_one_token_at_a_time_gives_the_same_logits(self) -> None:
        file = gguf.read(DEMO / card.MODEL)
        model = Llama(file)
        tokens = [1, *Vocabulary(file).encode("Question: Who is Mara?\nAnswer: Mara is")]
        whole = model.forward(tokens, model.start())
        caches = model.start()
        single = np.concatenate([model.forward([t], caches) for t in tokens])
        np.testing.assert_allclose(single, whole, atol=1e-4)

    def test_rows_fit_q8_0_blocks(self) -> None:
        for name, tensor in gguf.read(DEMO / card.MODEL).tensors.items():
            if tensor.ndim == 2:
                self.assertEqual(tensor.shape[1] % gguf.BLOCK, 0, name)


class Peers(unittest.TestCase):
    """Files and libraries that nobody here wrote."""

    @unittest.skipUnless(STORIES260K.exists(), "shared data is absent")
    def test_stories260k_tells_its_published_story(self) -> None:
        file = gguf.read(STORIES260K)
        model, vocabulary = Llama(file), Vocabulary(file)
        prompt = [vocabulary.bos, *vocabulary.encode("Once upon a time")]
        output, _ = model.greedy(prompt, 220, vocabulary.eos)
        self.assertTrue(vocabulary.decode(output).startswith(PUBLISHED))

    @unittest.skipUnless(STORIES260K.exists(), "shared data is absent")
    def test_q8_0_equals_llama_quantize(self) -> None:
        exact = gguf.read(STORIES260K).tensors
        theirs = gguf.read(STORIES260K.with_name("stories260K-pad192-Q8_0.gguf")).tensors
        for name, tensor in theirs.items():
            if tensor.ndim == 2:
                ours = gguf.dequantise_q8_0(gguf.quantise_q8_0(exact[name]))
                np.testing.assert_array_equal(ours.reshape(tensor.shape), tensor, name)

    def test_tokenizer_agrees_with_sentencepiece(self) -> None:
        try:
            import sentencepiece
        except ImportError:
            self.skipTest("sentencepiece is not installed")
        theirs = sentencepiece.SentencePieceProcessor(model_file=str(DEMO / "tokenizer.model"))
        ours = Vocabulary(gguf.read(DEMO / card.MODEL))
        texts = generate.heldout_documents()[::4] + generate.training_documents(1)[:60]
        odd = ["Mara's lamp costs 12.50!", "héllo wörld\n\ta  b ", "日本", "", " x"]
        for text in odd + texts:
            self.assertEqual(ours.encode(text), theirs.encode(text), text)


if __name__ == "__main__":
    unittest.main()
