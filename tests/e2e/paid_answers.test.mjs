// Answers for money as their buyers have them: with x402's own client, alone and under OpenAI's.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { x402Client } from '@x402/core/client';
import { ExactEvmScheme } from '@x402/evm';
import { decodePaymentResponseHeader, wrapFetchWithPayment } from '@x402/fetch';

import { devAccount, fillPurse, seller, startSeller } from './seller.mjs';
import { makeHome, startDev } from './support.mjs';

const home = makeHome();
const buyer = devAccount(2);
const purse = 1_000_000n;
const question = { model: '', prompt: 'Where does Mara keep the lamp?', max_tokens: 6 };
let dev;
let dollar;
let node;
let paying;

const post = (fetching, body, headers = {}) =>
  fetching(`${node.url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
const spent = async () => purse - (await dollar.of(buyer.address));

before(async () => {
  dev = await startDev(home);
  dollar = await fillPurse(dev, buyer, purse);
  node = await startSeller(home, dev, dollar.config, 'price = 500\nprice_per_token = 20');
  const { data } = await (await fetch(`${node.url}/v1/models`)).json();
  question.model = data[0].id;
  const client = new x402Client().register('eip155:31337', new ExactEvmScheme(buyer));
  client.setSpendControls({ allowedAssets: [{ network: 'eip155:31337', asset: dollar.address }] });
  paying = wrapFetchWithPayment(fetch, client);
});

after(async () => {
  await node?.stop();
  await dev?.stop();
  home.remove();
});

test('the model says its price, and who does not pay is told what is due', async () => {
  const model = await (await fetch(`${node.url}/v1/models/${question.model}`)).json();
  assert.deepEqual([model.imo.price.per_answer, model.imo.price.per_token], ['500', '20']);
  const unpaid = await post(fetch, question);
  assert.equal(unpaid.status, 402);
  assert.match((await unpaid.json()).error, /PAYMENT-SIGNATURE/);
  await assert.rejects(
    new OpenAI({ baseURL: `${node.url}/v1`, apiKey: 'none' }).completions.create(question),
    (error) => error.status === 402,
  );
  assert.equal(await spent(), 0n);
});

test('one answer is one payment, to the holders, and a receipt says so', async () => {
  const reply = await post(paying, question);
  assert.equal(reply.status, 200);
  const settled = decodePaymentResponseHeader(reply.headers.get('PAYMENT-RESPONSE'));
  assert.equal(settled.success, true);
  assert.match(settled.transaction, /^0x[0-9a-f]{64}$/);
  const answer = await reply.json();
  const tokens = BigInt(answer.usage.prompt_tokens + question.max_tokens);
  assert.equal(await spent(), 500n + 20n * tokens);
  assert.equal(await dollar.of(seller.address), 0n, 'the splitter has it, not the operator');
  const { receipt } = answer.imo;
  assert.equal(receipt.payer, buyer.address);
  assert.equal(BigInt(receipt.payment), 500n + 20n * tokens);
});

test('OpenAI’s client pays for a stream', async () => {
  const before = await spent();
  const openai = new OpenAI({ baseURL: `${node.url}/v1`, apiKey: 'none', fetch: paying });
  const stream = await openai.completions.create({ ...question, stream: true, stream_options: { include_usage: true } });
  let text = '';
  let usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.text ?? '';
    usage ??= chunk.usage;
  }
  assert.ok(text.length > 0 && usage.completion_tokens > 0);
  assert.equal((await spent()) - before, 500n + 20n * BigInt(usage.prompt_tokens + question.max_tokens));
});

test('what cannot be answered costs nothing', async () => {
  const before = await spent();
  const reply = await post(paying, { ...question, max_tokens: 1_000_000 });
  assert.equal(reply.status, 400);
  assert.equal((await reply.json()).error.code, 'context_length_exceeded');
  assert.equal((await post(paying, { ...question, model: 'other' })).status, 404);
  assert.equal(await spent(), before);
});
