// Commands that need a model and no chain.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { imo, imoJson, makeHome } from './support.mjs';

const home = makeHome();
after(() => home.remove());

const models = join(import.meta.dirname, '..', '..', 'models', 'demo');
const model = join(models, 'imo-demo.gguf');

test('a model writes in the terminal, the same on any number of threads and with any kernel', () => {
  const prompt = 'Question: Where does Mara keep the lamp?\nAnswer:';
  const shown = imo(home, ['run', model, prompt]);
  assert.equal(shown.code, 0, shown.err);
  assert.equal(shown.out, ' Mara keeps the brass lamp on the top shelf of the lighthouse.\n');
  assert.match(shown.err, /18 tokens, [\d.]+ a second/);
  for (const how of [['--threads', '1'], ['--threads', '3'], ['--kernel', 'scalar']]) {
    const run = imoJson(home, ['run', model, prompt, ...how]);
    assert.equal(`${run.text}\n`, shown.out, how.join(' '));
    assert.equal(run.stop, 'end_token');
  }
  assert.ok(imoJson(home, ['run', model, 'Where is the lamp?', '--chat']).text.length > 0);
});

test('a model writes by chance, the same for the same seed on any kernel', () => {
  const chance = ['--temperature', '0.9', '--top-k', '40', '--min-p', '0.05', '--max-tokens', '24'];
  const write = (seed, ...how) => imoJson(home, ['run', model, 'Mara', ...chance, '--seed', seed, ...how]).text;
  const first = write('1');
  assert.equal(write('1', '--threads', '1', '--kernel', 'scalar'), first);
  assert.ok(['2', '3', '4'].some((seed) => write(seed) !== first), 'seeds make a difference');
  const refused = (...args) => imo(home, ['run', model, 'Mara', ...args]);
  assert.match(refused('--temperature', 'nan').err, /'nan' is no number from 0 to 100/);
  assert.match(refused('--temperature', '-1').err, /no number from 0 to 100/);
  assert.match(refused('--temperature', '1', '--min-p', '2').err, /no number from 0 to 1/);
  assert.notEqual(refused('--temperature', '1', '--top-k', '0').code, 0);
  assert.match(refused('--seed', '7').err, /need a --temperature above 0/);
});

test('what cannot be run is refused with the reason', () => {
  const refused = (...args) => imo(home, ['run', model, ...args]);
  assert.match(refused('').err, /the prompt is empty/);
  assert.match(refused('word '.repeat(400)).err, /the context holds 256/);
  assert.match(refused('Mara', '--kernel', 'abacus').err, /no kernel 'abacus'; it has .*scalar/);
  assert.match(refused('Mara', '--max-tokens', '9999').err, /9999 to write/);
});

test('a random model is made, measured, and the same for the same seed', () => {
  const make = (name) => {
    const file = join(home.path, name);
    return { file, ...imoJson(home, ['model', 'random', '--parameters', '1M', '-o', file]) };
  };
  const first = make('a.gguf');
  assert.ok(Math.abs(first.parameters - 1_000_000) < 250_000, `${first.parameters} parameters`);
  assert.deepEqual(readFileSync(first.file), readFileSync(make('b.gguf').file));
  const measured = imoJson(home, ['bench', 'inference', first.file, '--prompt', '16', '--generate', '4', '--repeat', '1']);
  for (const rate of ['prefill_tokens_per_s', 'decode_tokens_per_s', 'read_bytes_per_s', 'multiply_limit_per_s', 'peak_rss_bytes']) {
    assert.ok(measured[rate] > 0, rate);
  }
});

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
  assert.match(other.err, /not a GGUF file/);
  const random = join(home.path, 'other.gguf');
  imoJson(home, ['model', 'random', '--parameters', '1M', '-o', random]);
  const foreign = imo(home, ['eval', 'perplexity', program, '--reference', random, '--text', short]);
  assert.match(foreign.err, /was not compiled from/);
});

test('a model is compiled, the same by any threads, and shown', () => {
  const source = join(home.path, 'random.gguf');
  imoJson(home, ['model', 'random', '--parameters', '25M', '-o', source]);
  const output = (name) => join(home.path, name);
  const compile = (name, ...how) =>
    imoJson(home, ['model', 'compile', source, '-o', output(name), '--calibration-tokens', '24', ...how]);
  const first = compile('one.imo', '--threads', '1');
  const second = compile('three.imo', '--threads', '3');
  assert.equal(second.model_root, first.model_root);
  assert.deepEqual(readFileSync(output('three.imo')), readFileSync(output('one.imo')));
  assert.equal(first.saturated, 0);
  assert.ok(first.clamped_elements > 100_000);
  for (const tensor of first.tensors) {
    assert.ok(tensor.relative_error >= 0 && tensor.relative_error < 0.02, tensor.name);
    assert.ok(tensor.largest_accumulator > 0 && tensor.largest_accumulator < 2 ** 36, tensor.name);
  }
  // All weights as floats, or the program in memory beside its source, would be more.
  assert.ok(first.peak_rss_bytes <= first.estimated_bytes, `${first.peak_rss_bytes} of ${first.estimated_bytes}`);
  assert.ok(first.estimated_bytes < 2.5 * readFileSync(source).length);

  const shown = imoJson(home, ['model', 'show', output('one.imo')]);
  assert.equal(shown.model_root, first.model_root);
  assert.deepEqual(shown.tensors.map((tensor) => tensor.name), first.tensors.map((tensor) => tensor.name));
  assert.equal(shown.parameters, shown.tensors.reduce((sum, { rows, columns }) => sum + rows * columns, 0));
  assert.ok(shown.tensors.every(({ root }) => /^0x[0-9a-f]{64}$/.test(root)));
  assert.deepEqual(shown.tables.map(({ kind }) => kind), ['exp', 'rope', 'silu']);
  assert.match(imo(home, ['model', 'show', output('one.imo')]).out, /blk\.0\.attn_q +\d+ x \d+ +output 2\^-?\d+, 15 bits/);
});

test('a calibration text chooses the exponents', () => {
  const text = join(home.path, 'text.txt');
  const compile = (...how) => imo(home, ['model', 'compile', model, '-o', join(home.path, 'c.imo'), ...how, '--json']);
  writeFileSync(text, 'Mara keeps the brass lamp on the top shelf of the lighthouse. '.repeat(20));
  const given = compile('--calibrate', text);
  assert.equal(given.code, 0, given.err);
  assert.match(given.err, /imo-demo\.gguf: about .* on \d+ threads?, at most .* of memory/);
  assert.notEqual(JSON.parse(given.out).calibration_tokens, 512);
  writeFileSync(text, '');
  assert.match(compile('--calibrate', text).err, /text\.txt is empty/);
  assert.match(compile('--calibrate', join(home.path, 'none.txt')).err, /none\.txt/);
});
