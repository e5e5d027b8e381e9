// A node that is killed while it proves, as the machine does when memory is short: the next one takes the proof up,
// and posts it once.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { createPublicClient, createWalletClient, http, parseAbi, parseEther } from 'viem';
import { foundry } from 'viem/chains';

import { seller as prover, startNode } from './seller.mjs';
import { imoJson, makeHome, startDev } from './support.mjs';

const abi = parseAbi([
  'function register(string endpoint) payable',
  'function setPrice(uint256 modelId, (uint64 flat, uint64 perPromptToken, uint64 perOutputToken, uint64 perCallbackGas) price)',
  'function isFinalized(uint256 requestId) view returns (bool)',
  'event Proven(uint256 indexed requestId, bytes32 indexed claimHash, address indexed prover)',
]);

const question = 'Question: Where does Mara keep the lamp?\nAnswer:';
const home = makeHome();
let dev;
let deployment;
let chain;
let node;

const run = (...args) => imoJson(home, ['--rpc-url', dev.rpc_url, ...args]);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function send(address, functionName, args, value = 0n) {
  const wallet = createWalletClient({ account: prover, chain: foundry, transport: http(dev.rpc_url) });
  const hash = await wallet.writeContract({ address, abi, functionName, args, value });
  const receipt = await chain.waitForTransactionReceipt({ hash, pollingInterval: 50 });
  assert.equal(receipt.status, 'success', functionName);
}

const startProver = () => startNode(home, dev, { sections: '[proofs]\nenabled = true\npost = true\n' });

/** Waits until `found` gives what is not false. */
async function eventually(found, what) {
  const deadline = Date.now() + 60_000;
  while (Date.now() < deadline) {
    const value = await found();
    if (value) return value;
    await pause(10);
  }
  throw new Error(`${what}: not within a minute`);
}

const proofOf = async (id) => (await fetch(`${node.url}/v1/proofs/${id}`)).json();

before(async () => {
  dev = await startDev(home);
  deployment = JSON.parse(readFileSync(dev.deployment, 'utf8'));
  chain = createPublicClient({ chain: foundry, transport: http(dev.rpc_url) });
});

after(async () => {
  await node?.stop();
  await dev?.stop();
  home.remove();
});

test('a proof that a killed node was making is made by the next, and posted once', async () => {
  const registered = run('key', 'register', dev.model, '--account', 'dev:1');
  run('dev', 'time', '73h');
  run('key', 'finalise', registered.registration_id, '--account', 'dev:3');
  await send(deployment.operator_registry, 'register', ['http://127.0.0.1:1'], parseEther('1'));
  const model = run('ask', question, '--model', dev.model, '--account', 'dev:2').model_id;
  const price = { flat: 1_000_000n, perPromptToken: 0n, perOutputToken: 0n, perCallbackGas: 0n };
  await send(deployment.operator_registry, 'setPrice', [BigInt(model), price]);
  node = await startProver();
  const asked = run(
    'ask', question, '--model', dev.model, '--account', 'dev:2', '--operator', prover.address,
  );
  assert.equal(asked.status, 'answered');

  const request = Number(asked.request_id);
  const { id } = await eventually(async () => {
    const reply = await fetch(`${node.url}/v1/proofs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ request, post: true }),
    });
    return reply.status === 202 && reply.json();
  }, 'the node takes the job');
  await eventually(async () => (await proofOf(id)).state === 'proving', 'the proof begins');
  assert.equal(await node.stop('SIGKILL'), 'SIGKILL');
  const isFinal = () =>
    chain.readContract({ address: deployment.oracle, abi, functionName: 'isFinalized', args: [BigInt(request)] });
  assert.equal(await isFinal(), false, 'it was killed in time');

  node = await startProver();
  await eventually(isFinal, 'the proof is posted');
  assert.equal((await proofOf(id)).state, 'ready');
  await node.stop();
  node = await startProver();
  await pause(1_000);
  const proven = await chain.getContractEvents({
    address: deployment.oracle, abi, eventName: 'Proven', args: { requestId: BigInt(request) }, fromBlock: 0n,
  });
  assert.equal(proven.length, 1, 'once');
  assert.equal(proven[0].args.prover, prover.address);
});
