// Commands that need a model and no chain.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { imo, imoJson, makeHome } from './support.mjs';

const home = makeHome();
after(() => home.remove());

const models = join(import.meta.dirname, '..', '..', 'models', 'demo');
const model = join(models, 'imo-demo.gguf');

test('text becomes ids and ids become the text again', () => {
  const text = 'Question: Where does Mara keep the lamp? Ünïcode, too: 🏮\n';
  const { tokens, count } = imoJson(home, ['tokenize', model], { input: text });
  assert.equal(tokens.length, count);
  const back = imo(home, ['tokenize', model, '--decode'], { input: tokens.join(' ') });
  assert.equal(back.out, `${text}\n`, 'the text, and the line end of the output');
  const special = imoJson(home, ['tokenize', model, '--special'], { input: text });
  assert.deepEqual(special.tokens, [1, ...tokens], 'with the begin token of the vocabulary');
});

test('what is no token id is named', () => {
  const word = imo(home, ['tokenize', model, '--decode'], { input: '12 x7' });
  assert.equal(word.code, 1);
  assert.match(word.err, /word 2 is no token id: 'x7'/);
  const outside = imo(home, ['tokenize', model, '--decode'], { input: '12 99999' });
  assert.equal(outside.code, 1);
  assert.match(outside.err, /99999/);
});

test('the demo model in integers is as good as in floats', () => {
  const text = join(models, 'heldout.txt');
  const quality = imoJson(home, ['eval', 'perplexity', model, '--text', text, '--context', '128', '--chunks', '20']);
  assert.equal(quality.scored_tokens, 20 * 63);
  assert.ok(quality.perplexity <= 1.0019 * quality.reference_perplexity, `ratio ${quality.ratio}`);
  assert.ok(quality.kl_divergence <= 0.0008, `divergence ${quality.kl_divergence}`);
  assert.ok(quality.same_top1 >= 0.985, `same choice ${quality.same_top1}`);
});

test('a text shorter than a chunk is refused, and so is a reference of another model', () => {
  const short = join(home.path, 'short.txt');
  writeFileSync(short, 'Mara.');
  const refused = imo(home, ['eval', 'perplexity', model, '--text', short]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /fewer than one chunk/);
  const program = join(home.path, 'demo.imo');
  imoJson(home, ['model', 'compile', model, '-o', program]);
  const without = imo(home, ['eval', 'perplexity', program, '--text', short]);
  assert.match(without.err, /--reference/);
  const other = imo(home, ['eval', 'perplexity', program, '--reference', short, '--text', short]);
  assert.match(other.err, /was not compiled from/);
});
