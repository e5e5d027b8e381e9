// A proof that a node makes for money, as who buys it meets it: asked for, paid, checked.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createPublicClient, createWalletClient, http } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';

import { freePort, imo, imoJson, makeHome, program, startDev } from './support.mjs';

const artifact = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'contracts', 'out', 'DemoDollar.sol', 'DemoDollar.json')),
);
const home = makeHome();
const account = (index) =>
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: index });
const seller = account(7);
const buyer = account(2);
let dev;
let chain;
let dollar;
let node;

const run = (...args) => imoJson(home, ['--rpc-url', dev.rpc_url, ...args]);
const fails = (...args) => imo(home, ['--rpc-url', dev.rpc_url, ...args]);
const dollarsOf = (owner) =>
  chain.readContract({ address: dollar, abi: artifact.abi, functionName: 'balanceOf', args: [owner.address] });

/** Play money, some of it the buyer's. */
async function makeDollar() {
  const wallet = createWalletClient({ account: account(5), chain: foundry, transport: http(dev.rpc_url) });
  const mined = async (hash) => chain.waitForTransactionReceipt({ hash: await hash, pollingInterval: 50 });
  const made = await mined(wallet.deployContract({ abi: artifact.abi, bytecode: artifact.bytecode.object }));
  dollar = made.contractAddress;
  await mined(
    wallet.writeContract({ address: dollar, abi: artifact.abi, functionName: 'mint', args: [buyer.address, 1_000_000n] }),
  );
}

/** A node that sells proofs, until stop(). */
async function startSeller() {
  const config = join(home.path, 'node.toml');
  writeFileSync(
    config,
    `rpc_url = "${dev.rpc_url}"
deployment = "${dev.deployment}"
data_directory = "seller"
[[model]]
path = "${dev.model}"
[http]
port = ${await freePort()}
[chain]
poll_interval_ms = 100
answer_requests = false
[proofs]
enabled = true
price = 2000
price_per_second = 1000
asset = "${dollar}"
asset_name = "Demo Dollar"
asset_version = "1"
`,
  );
  const child = spawn(program, ['--json', 'node', 'run', '--config', config, '--account', 'dev:7'], {
    env: { ...process.env, IMO_HOME: home.path },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const line = await new Promise((resolve, reject) => {
    child.stdout.once('data', (chunk) => resolve(JSON.parse(chunk)));
    exited.then((code) => reject(new Error(`the node exited ${code}`)));
  });
  while (!(await fetch(`${line.url}/ready`)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  return { url: line.url, stop: () => (child.kill('SIGTERM'), exited) };
}

before(async () => {
  dev = await startDev(home);
  chain = createPublicClient({ chain: foundry, transport: http(dev.rpc_url) });
  await makeDollar();
  node = await startSeller();
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
  assert.equal(await dollarsOf(buyer), 1_000_000n);

  const bought = run(...buying, '--pay', String(price), '--account', 'dev:2');
  assert.ok(bought.proof_bytes > 10_000);
  assert.equal(await dollarsOf(buyer), 1_000_000n - price);
  assert.equal(await dollarsOf(seller), price);
  assert.equal(run('verify', '--proof', file).valid, true);
  assert.equal(run('verify', '--proof', file, '--model', dev.model).model_checked, true);
  assert.equal(run('verify', '--proof', file, '--on-chain').valid, true);
  assert.equal(run(...buying).context, bought.context, 'what is paid is fetched again for nothing');
  assert.equal(await dollarsOf(seller), price);
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
