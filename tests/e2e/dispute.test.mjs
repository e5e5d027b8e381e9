// Answers that are false, and answers that are called false: `imo dispute` on `imo dev`.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import {
  concat, createPublicClient, createWalletClient, http, keccak256, numberToHex, parseAbi, parseEther,
} from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';

import { imo, imoJson, makeHome, startDev } from './support.mjs';

const abi = parseAbi([
  'function register(string endpoint) payable',
  'function setPrice(uint256 modelId, (uint64 flat, uint64 perPromptToken, uint64 perOutputToken, uint64 perCallbackGas) price)',
  'function questionHashOf(uint256 requestId) view returns (bytes32)',
  'function answer(uint256 requestId, (bytes32 questionHash, bytes promptTokens, bytes outputTokens, bytes text, bytes callbackData) posted)',
  'function owed(address account) view returns (uint256)',
]);

const question = 'Question: Where does Mara keep the lamp?\nAnswer:';
const home = makeHome();
const account = (index) =>
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: index });
const liar = account(5);
let dev;
let deployment;
let chain;

const at = (...args) => ['--rpc-url', dev.rpc_url, ...args];
const run = (...args) => imoJson(home, at(...args));
const fails = (...args) => imo(home, at(...args));

async function send(from, address, functionName, args, value = 0n) {
  const wallet = createWalletClient({ account: from, chain: foundry, transport: http(dev.rpc_url) });
  const hash = await wallet.writeContract({ address, abi, functionName, args, value });
  const receipt = await chain.waitForTransactionReceipt({ hash, pollingInterval: 50 });
  assert.equal(receipt.status, 'success', functionName);
}

before(async () => {
  dev = await startDev(home);
  deployment = JSON.parse(readFileSync(dev.deployment, 'utf8'));
  chain = createPublicClient({ chain: foundry, transport: http(dev.rpc_url) });
});

after(async () => {
  await dev?.stop();
  home.remove();
});

test('a lying operator is found, disputed and struck down, and the asker is refunded', async () => {
  const honest = run('ask', question, '--model', dev.model, '--account', 'dev:2');
  const registry = deployment.operator_registry;
  await send(liar, registry, 'register', ['http://127.0.0.1:1'], parseEther('1'));
  const price = { flat: 1_000_000n, perPromptToken: 0n, perOutputToken: 0n, perCallbackGas: 0n };
  await send(liar, registry, 'setPrice', [BigInt(honest.model_id), price]);
  const asked = run(
    'ask', question, '--model', dev.model, '--account', 'dev:2', '--operator', liar.address, '--wait', '1',
  );
  assert.equal(asked.status, 'open', 'the liar has not answered yet');
  const id = BigInt(asked.request_id);

  const tokens = honest.output_tokens.slice();
  tokens[1] = tokens[1] === 7 ? 8 : 7;
  const packed = `0x${tokens.map((token) => token.toString(16).padStart(8, '0')).join('')}`;
  const questionHash = await chain.readContract({
    address: deployment.oracle, abi, functionName: 'questionHashOf', args: [id],
  });
  await send(liar, deployment.oracle, 'answer', [
    id, { questionHash, promptTokens: '0x', outputTokens: packed, text: '0x3f', callbackData: '0x' },
  ]);

  const replayed = fails('dispute', 'replay', String(id), '--model', dev.model);
  assert.equal(replayed.code, 7);
  assert.match(replayed.out, /is false/);
  const opened = run('dispute', 'open', String(id), '--model', dev.model, '--account', 'dev:6');
  assert.equal(opened.position, 1);
  const [listed] = run('dispute', 'list').disputes;
  assert.equal(listed.phase, 'Commit');
  assert.equal(String(listed.request_id), String(id));

  const outsider = fails('dispute', 'play', opened.dispute_id, '--model', dev.model, '--account', 'dev:7');
  assert.notEqual(outsider.code, 0);
  assert.match(outsider.err, /no side of dispute/);

  run('dev', 'time', '61min');
  const played = run('dispute', 'play', opened.dispute_id, '--model', dev.model, '--account', 'dev:6');
  assert.equal(played.outcome, 'ChallengerWon');
  const refund = await chain.readContract({
    address: deployment.oracle, abi, functionName: 'owed', args: [account(2).address],
  });
  assert.equal(refund, 1_000_000n, 'the whole fee');
});

test('a true answer cannot be disputed with success', () => {
  const honest = run('ask', question, '--model', dev.model, '--account', 'dev:2');
  const refused = fails('dispute', 'open', honest.request_id, '--model', dev.model, '--account', 'dev:6');
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /would be lost/);
  const opened = run('dispute', 'open', honest.request_id, '--model', dev.model, '--position', '2', '--account', 'dev:6');
  // The node commits by itself; then the challenger finds nothing that differs.
  const stuck = fails('dispute', 'play', opened.dispute_id, '--model', dev.model, '--account', 'dev:6');
  assert.notEqual(stuck.code, 0);
  assert.match(stuck.err, /the operator's trace is the model's own/);
  const shown = imo(home, at('dispute', 'show', opened.dispute_id, '--model', dev.model));
  assert.equal(shown.code, 0, shown.err);
  assert.match(shown.out, /the challenger must pick/);
  assert.match(shown.out, /32 nodes revealed/);
  run('dev', 'time', '2h');
  const deadline = Date.now() + 20_000;
  let phase;
  while (phase !== 'OperatorWon' && Date.now() < deadline) {
    phase = run('dispute', 'show', opened.dispute_id).phase;
  }
  assert.equal(phase, 'OperatorWon');
});

/** A reply of the HTTP door as the liar would sign it: `output` where the node wrote something else. */
async function lie(reply, output) {
  const packed = concat(output.map((token) => numberToHex(token, { size: 4 })));
  const signed = { ...reply.imo.receipt, operator: liar.address, outputHash: keccak256(packed) };
  const field = (type, name) => ({ type, name });
  const message = Object.fromEntries(
    Object.entries(signed).filter(([name]) => name !== 'digest' && name !== 'signature'),
  );
  const signature = await liar.signTypedData({
    domain: { name: 'imo', version: '1', chainId: foundry.id, verifyingContract: deployment.operator_registry },
    primaryType: 'Receipt',
    types: {
      Receipt: [
        field('uint256', 'modelId'), field('bytes32', 'modelRoot'), field('bytes32', 'promptHash'),
        field('bytes32', 'outputHash'), field('bytes32', 'textHash'), field('uint32', 'maxTokens'),
        field('bytes32', 'sampling'), field('address', 'operator'), field('address', 'payer'),
        field('address', 'asset'), field('uint256', 'payment'), field('uint64', 'issuedAt'),
        field('bytes32', 'nonce'),
      ],
    },
    message,
  });
  return { ...reply, imo: { ...reply.imo, output_tokens: output, receipt: { ...signed, signature } } };
}

test('a receipt of the HTTP door is checked, disputed, and struck down', async () => {
  const asked = await fetch(`${dev.node_url}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'imo-demo', prompt: question, max_tokens: 24, temperature: 0 }),
  });
  const reply = await asked.json();
  const save = (name, json) => {
    const file = join(home.path, name);
    writeFileSync(file, JSON.stringify(json));
    return file;
  };
  const honest = save('honest.json', reply);
  assert.equal(run('dispute', 'replay', '--receipt', honest, '--model', dev.model).matches, true);
  const refused = fails('dispute', 'open', '--receipt', honest, '--model', dev.model, '--account', 'dev:6');
  assert.notEqual(refused.code, 0);
  assert.match(refused.err, /would be lost/);

  const tokens = reply.imo.output_tokens;
  const wrong = tokens.slice();
  wrong[1] = wrong[1] === 7 ? 8 : 7;
  const falsified = save('falsified.json', await lie(reply, wrong));
  const replayed = fails('--json', 'dispute', 'replay', '--receipt', falsified, '--model', dev.model);
  assert.equal(replayed.code, 7, replayed.err);
  assert.equal(JSON.parse(replayed.out).position, 1);
  const opened = run('dispute', 'open', '--receipt', falsified, '--model', dev.model, '--account', 'dev:6');
  assert.equal(opened.position, 1);
  assert.match(imo(home, at('dispute', 'show', opened.dispute_id)).out, /about a receipt/);
  run('dev', 'time', '61min');
  const played = run('dispute', 'play', opened.dispute_id, '--model', dev.model, '--account', 'dev:6');
  assert.equal(played.outcome, 'ChallengerWon');
  const fallen = fails('dispute', 'open', '--receipt', falsified, '--model', dev.model, '--account', 'dev:6');
  assert.notEqual(fallen.code, 0);
  assert.match(fallen.err, /struck down already/);

  // Too short: no model and no game is needed.
  const cut = save('cut.json', await lie(reply, tokens.slice(0, 2)));
  const seen = fails('dispute', 'replay', '--receipt', cut);
  assert.equal(seen.code, 7, seen.err);
  assert.match(seen.out, /ends before its limit/);
  const struck = run('dispute', 'open', '--receipt', cut, '--account', 'dev:6');
  assert.equal(struck.struck_down, true);
  assert.ok(BigInt(struck.reward.wei ?? struck.reward) > 0n);

  const forged = save('forged.json', { ...reply, imo: { ...reply.imo, output_tokens: wrong } });
  const nobody = fails('dispute', 'open', '--receipt', forged, '--model', dev.model, '--account', 'dev:6');
  assert.notEqual(nobody.code, 0);
  assert.match(nobody.err, /binds nobody: the receipt is about another answer/);
});

test('wrong numbers have one clear error', () => {
  assert.match(fails('dispute', 'show', '99').err, /there is no dispute 99/);
  assert.match(fails('dispute', 'replay', '99', '--model', dev.model).err, /knows no request 99/);
  assert.match(fails('dispute', 'replay', '1').err, /--model is missing/);
  const both = fails('dispute', 'replay', '1', '--receipt', 'x.json', '--model', dev.model);
  assert.notEqual(both.code, 0);
  assert.match(fails('dispute', 'replay', '--receipt', 'x.json', '--model', dev.model).err, /x\.json/);
});
