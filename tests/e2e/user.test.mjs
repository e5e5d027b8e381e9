// The first ten minutes of the README, on `imo dev`: backer, user, HTTP clients, and the page.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import OpenAI from 'openai';
import { chromium } from 'playwright-core';

import { imo, imoJson, makeHome, screenshots, startDev } from './support.mjs';

const question = 'Question: Where does Mara keep the lamp?\nAnswer:';
const home = makeHome();
let dev;
let onChain;
let minted;

const run = (...args) => imoJson(home, ['--rpc-url', dev.rpc_url, ...args]);

before(async () => {
  dev = await startDev(home);
});

after(async () => {
  const code = await dev?.stop();
  home.remove();
  assert.equal(code, 0, 'imo dev ends cleanly on SIGTERM');
});

test('a backer bids, settles and claims', () => {
  assert.equal(run('offering', 'status').status, 'open');
  run('bid', '--price', '0.00002 ETH', '--amount', '12 ETH', '--account', 'dev:1');
  run('dev', 'time', '1d');
  const settled = run('settle', '--account', 'dev:1');
  assert.ok(settled.succeeded);
  const claimed = run('claim', '--account', 'dev:1');
  assert.equal(BigInt(claimed.tokens), BigInt(settled.sold));
  assert.equal(run('claim', '--account', 'dev:1').tokens, '0', 'a second claim pays nothing');
});

test('a user asks on the chain, verifies, and mints the answer', () => {
  onChain = run('ask', question, '--model', dev.model, '--account', 'dev:2');
  assert.equal(onChain.status, 'answered');
  assert.ok(onChain.text.trim().length > 0);
  assert.ok(run('verify', onChain.request_id, '--model', dev.model).matches);
  minted = run('content', 'mint', onChain.request_id, '--account', 'dev:2').token_id;
  assert.equal(run('content', 'show', minted).verified, false, 'not final yet');
});

test('a text question gives the same answer as the tokens it becomes', () => {
  const asked = run('ask', question, '--account', 'dev:2');
  assert.deepEqual(asked.output_tokens.slice(0, onChain.output_tokens.length), onChain.output_tokens);
});

test("OpenAI's own client gets the same text, with a receipt", async () => {
  const client = new OpenAI({ baseURL: `${dev.node_url}/v1`, apiKey: 'none', maxRetries: 0 });
  const models = await client.models.list();
  const model = models.data[0].id;
  const completion = await client.completions.create({ model, prompt: question, max_tokens: 64, temperature: 0 });
  assert.equal(completion.choices[0].text, onChain.text);
  assert.deepEqual(completion.imo.output_tokens, onChain.output_tokens);
  assert.match(completion.imo.receipt.signature, /^0x[0-9a-f]{130}$/);
  const chat = await client.chat.completions.create({
    model,
    messages: [{ role: 'user', content: 'Where does Mara keep the lamp?' }],
    max_tokens: 64,
  });
  assert.ok(chat.choices[0].message.content.length > 0);
  await assert.rejects(
    client.completions.create({ model, prompt: 'word '.repeat(5000), max_tokens: 8 }),
    (error) => error.status === 400,
    'a prompt longer than the context is refused, not cut',
  );
});

test('the page shows the offering as it is on the chain', async () => {
  mkdirSync(screenshots, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.IMO_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  });
  try {
    const page = await browser.newPage({ viewport: { width: 1200, height: 1100 } });
    const faults = [];
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
    await page.goto(dev.node_url);
    await page.getByRole('heading', { level: 1 }).waitFor();
    assert.match(await page.getByRole('heading', { level: 1 }).innerText(), /Demo Model/);
    await page.getByText('succeeded').first().waitFor();
    await page.locator('.chart canvas').waitFor();
    assert.match(await page.locator('main').innerText(), /12 ETH/);
    await page.screenshot({ path: join(screenshots, 'page.png'), fullPage: true });
    assert.deepEqual(faults, []);
  } finally {
    await browser.close();
  }
});

test('an answer becomes final once, whoever says so first', () => {
  run('dev', 'time', '2h');
  const first = run('request', onChain.request_id, '--finalise', '--account', 'dev:3');
  const second = run('request', onChain.request_id, '--finalise', '--account', 'dev:4');
  assert.equal(BigInt(second.fee), BigInt(first.fee));
  assert.equal(run('request', onChain.request_id).status, 'final');
  assert.equal(run('content', 'show', minted).verified, true);
});

test('a receipt is checked against signature, tokens and model; a false one exits 7', async () => {
  const body = { model: 'imo-demo', prompt: question, max_tokens: 16 };
  const replied = await fetch(`${dev.node_url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const reply = await replied.json();
  const file = join(home.path, 'reply.json');
  writeFileSync(file, JSON.stringify(reply));
  assert.ok(run('verify', '--receipt', file, '--model', dev.model).matches);
  reply.imo.output_tokens[0] += 1;
  writeFileSync(file, JSON.stringify(reply));
  const forged = imo(home, ['--rpc-url', dev.rpc_url, 'verify', '--receipt', file, '--model', dev.model]);
  assert.equal(forged.code, 7);
});

test('an answer is proven; the proof is checked here and by the contract, and a changed one nowhere', () => {
  const file = join(home.path, 'answer.proof');
  const proven = run('prove', dev.model, question, '-o', file, '--max-tokens', '8');
  assert.ok(onChain.text.startsWith(proven.text), proven.text);
  const checked = run('verify', '--proof', file, '--model', dev.model);
  assert.ok(checked.valid && checked.model_checked);
  assert.equal(checked.text, proven.text);
  const contract = run('verify', '--proof', file, '--on-chain');
  assert.ok(contract.valid);
  assert.ok(contract.gas < 2 ** 24, `${contract.gas} gas fit no transaction`);
  const bytes = readFileSync(file);
  bytes[bytes.length - 1] ^= 1;
  writeFileSync(file, bytes);
  for (const how of [[], ['--on-chain']]) {
    const forged = imo(home, ['--rpc-url', dev.rpc_url, 'verify', '--proof', file, ...how]);
    assert.equal(forged.code, 7, forged.err);
  }
});

test('a request that is not there is named', () => {
  const missing = imo(home, ['--rpc-url', dev.rpc_url, 'verify', '999', '--model', dev.model]);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /no request 999/);
});
