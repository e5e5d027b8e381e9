// Keys and proofs on `imo dev`: an answer that a proof makes final at once, and keys that are false.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { createPublicClient, createWalletClient, decodeFunctionData, http, parseAbi, parseEther } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';

import { imo, imoJson, makeHome, startDev } from './support.mjs';

const abi = parseAbi([
  'struct Key { bytes32 modelRoot; bytes26 weightsRoot; bytes24 bindingValue; bytes shape; }',
  'struct Opening { uint256 operatorCount; bytes32 operators; uint256 tensorCount; bytes32 tensors; uint256 tableCount; bytes32 tables; uint256 vocabularySize; bytes32 vocabulary; bytes32 tokenizer; uint256 contextLength; uint256 endToken; uint256 layersAndTail; }',
  'function register(Key key, Opening model) payable returns (uint256)',
  'event Registered(uint256 indexed registrationId, bytes32 indexed keyId, address indexed registrant, uint40 finalAt, Key key)',
  'function owed(address account) view returns (uint256)',
]);

const question = 'Question: Where does Mara keep the lamp?\nAnswer:';
const home = makeHome();
const account = (index) =>
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: index });
let dev;
let registry;
let chain;

const at = (...args) => ['--rpc-url', dev.rpc_url, ...args];
const run = (...args) => imoJson(home, at(...args));
const fails = (...args) => imo(home, at(...args));

/** Registers the key of registration 1 again, with one bit of its value changed. */
async function registerFalseKey(from) {
  const [event] = await chain.getContractEvents({ address: registry, abi, eventName: 'Registered', fromBlock: 0n });
  const { input } = await chain.getTransaction({ hash: event.transactionHash });
  const [key, opening] = decodeFunctionData({ abi, data: input }).args;
  const last = Number.parseInt(key.bindingValue.at(-1), 16) ^ 1;
  const bindingValue = key.bindingValue.slice(0, -1) + last.toString(16);
  const wallet = createWalletClient({ account: from, chain: foundry, transport: http(dev.rpc_url) });
  const hash = await wallet.writeContract({
    address: registry, abi, functionName: 'register', args: [{ ...key, bindingValue }, opening], value: parseEther('0.1'),
  });
  const receipt = await chain.waitForTransactionReceipt({ hash, pollingInterval: 50 });
  assert.equal(receipt.status, 'success');
}

before(async () => {
  dev = await startDev(home);
  registry = JSON.parse(readFileSync(dev.deployment, 'utf8')).proof_registry;
  chain = createPublicClient({ chain: foundry, transport: http(dev.rpc_url) });
});

after(async () => {
  await dev?.stop();
  home.remove();
});

test('a registered key makes a proven answer final at once, and no key, no proof', async () => {
  const asked = run('ask', question, '--model', dev.model, '--account', 'dev:2');
  const early = fails('prove', dev.model, '--request', asked.request_id, '--account', 'dev:3');
  assert.equal(early.code, 1);
  assert.match(early.err, /key of this model is not final.*imo key register/s);

  const registered = run('key', 'register', dev.model, '--account', 'dev:1');
  assert.equal(registered.registration_id, '1');
  assert.equal(run('key', 'check', '1', '--model', dev.model).matches, true);
  assert.match(fails('key', 'finalise', '1', '--account', 'dev:3').err, /final in 7[12] h/);
  run('dev', 'time', '73h');
  run('key', 'finalise', '1', '--account', 'dev:3');
  assert.equal(run('key', 'list').keys[0].status, 'final');

  const second = run('ask', question, '--model', dev.model, '--account', 'dev:2');
  const proven = run('prove', dev.model, '--request', second.request_id, '--account', 'dev:3');
  assert.equal(proven.status, 'final');
  assert.ok(proven.gas < 2 ** 24, 'one transaction has room for it');
  assert.match(
    fails('prove', dev.model, '--request', second.request_id, '--account', 'dev:3').err,
    /is final/,
  );
  const text = run('ask', 'hello', '--account', 'dev:2');
  assert.match(
    fails('prove', dev.model, '--request', text.request_id, '--account', 'dev:3').err,
    /asked in text/,
  );
});

test('a false key is found, challenged, and falls with its silent registrant', async () => {
  await registerFalseKey(account(5));
  const checked = fails('key', 'check', '2', '--model', dev.model);
  assert.equal(checked.code, 7);
  assert.match(checked.out, /value is not that of the model's weights/);
  // Exit code 7 says that the key is false, contested or not.
  const contested = fails('--json', 'key', 'check', '2', '--model', dev.model, '--contest', '--account', 'dev:6');
  assert.equal(contested.code, 7);
  assert.equal(JSON.parse(contested.out).challenge_id, '1');
  run('dev', 'time', '7h');
  const played = run('key', 'play', '1', '--model', dev.model, '--account', 'dev:6');
  assert.match(played.outcome, /fallen/);
  assert.equal(run('key', 'list').keys[0].status, 'fallen');
  const owed = await chain.readContract({ address: registry, abi, functionName: 'owed', args: [account(6).address] });
  assert.equal(owed, parseEther('0.05') + parseEther('0.05'), 'his bond, and half of the registrant’s');
  assert.equal(fails('key', 'check', '3', '--model', dev.model).code, 1);
});
