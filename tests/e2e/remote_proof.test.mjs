// A proof that a node makes for money, as who buys it meets it: asked for, paid, checked.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { devAccount, fillPurse, seller, startSeller } from './seller.mjs';
import { imo, imoJson, makeHome, startDev } from './support.mjs';

const home = makeHome();
const buyer = devAccount(2);
let dev;
let dollar;
let node;

const run = (...args) => imoJson(home, ['--rpc-url', dev.rpc_url, ...args]);
const fails = (...args) => imo(home, ['--rpc-url', dev.rpc_url, ...args]);
before(async () => {
  dev = await startDev(home);
  dollar = await fillPurse(dev, buyer, 1_000_000n);
  node = await startSeller(
    home,
    dev,
    `[proofs]
enabled = true
price = 2000
price_per_second = 1000
${dollar.config}`,
  );
});

after(async () => {
  await node?.stop();
  await dev?.stop();
  home.remove();
});

test('a proof is quoted, paid once, checked here and by the contract', async () => {
  const reply = join(home.path, 'reply.json');
  const answer = await fetch(`${node.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Where does Mara keep the lamp?', max_tokens: 6 }),
  });
  writeFileSync(reply, await answer.text());
  const file = join(home.path, 'answer.proof');
  const buying = ['prove', '--from', node.url, '--receipt', reply, '-o', file];

  const quoted = run(...buying, '--estimate');
  const price = BigInt(quoted.price.amount);
  assert.ok(price > 2000n && quoted.estimate.gas < 2 ** 24, JSON.stringify(quoted));
  const dear = fails(...buying, '--pay', String(price - 1n), '--account', 'dev:2');
  assert.equal(dear.code, 1);
  assert.match(dear.err, new RegExp(`asks for ${price} of Demo Dollar.*--pay ${price} allows`, 's'));
  assert.equal(await dollar.of(buyer.address), 1_000_000n);

  const bought = run(...buying, '--pay', String(price), '--account', 'dev:2');
  assert.ok(bought.proof_bytes > 10_000);
  assert.equal(await dollar.of(buyer.address), 1_000_000n - price);
  assert.equal(await dollar.of(seller.address), price);
  assert.equal(run('verify', '--proof', file).valid, true);
  assert.equal(run('verify', '--proof', file, '--model', dev.model).model_checked, true);
  assert.equal(run('verify', '--proof', file, '--on-chain').valid, true);
  assert.equal(run(...buying).context, bought.context, 'what is paid is fetched again for nothing');
  assert.equal(await dollar.of(seller.address), price);
});

test('what is not the node’s own answer is refused, and bad words are', () => {
  const asked = run('ask', 'Where does Mara keep the lamp?', '--model', dev.model, '--account', 'dev:2');
  const others = fails('prove', '--from', node.url, '--request', asked.request_id);
  assert.equal(others.code, 1);
  assert.match(others.err, /is another operator's/);
  assert.match(fails('prove', '--from', node.url).err, /one of --receipt and --request/);
  assert.match(fails('prove', dev.model, '--from', node.url, '--request', '1').err, /model's file, or with --from/);
  assert.notEqual(fails('prove', '--from', 'http://127.0.0.1:1', '--request', asked.request_id).code, 0);
});
