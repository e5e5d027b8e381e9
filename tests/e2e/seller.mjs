// A node that sells for play money, beside the one of `imo dev`.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createPublicClient, createWalletClient, http } from 'viem';
import { mnemonicToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';

import { freePort, program } from './support.mjs';

const artifact = JSON.parse(
  readFileSync(join(import.meta.dirname, '..', '..', 'contracts', 'out', 'DemoDollar.sol', 'DemoDollar.json')),
);

/** One of the accounts that every development chain has. */
export const devAccount = (index) =>
  mnemonicToAccount('test test test test test test test test test test test junk', { addressIndex: index });

export const seller = devAccount(7);

/** The chain's play dollar, some of it the buyer's, and its part of a node's configuration. */
export async function fillPurse(dev, buyer, amount) {
  const transport = http(dev.rpc_url);
  const chain = createPublicClient({ chain: foundry, transport });
  const wallet = createWalletClient({ account: devAccount(5), chain: foundry, transport });
  const { abi } = artifact;
  const address = dev.dollar;
  const hash = await wallet.writeContract({ address, abi, functionName: 'mint', args: [buyer.address, amount] });
  await chain.waitForTransactionReceipt({ hash, pollingInterval: 50 });
  return {
    address,
    config: `[payment]
asset = "${address}"
asset_name = "Demo Dollar"
asset_version = "1"
`,
    of: (owner) => chain.readContract({ address, abi, functionName: 'balanceOf', args: [owner] }),
  };
}

/** Runs the seller's node, with these lines and sections in its configuration, until stop(); its folder stays. */
export async function startNode(home, dev, { http = '', chain = '', sections = '' }) {
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
${http}
[chain]
poll_interval_ms = 100
${chain}
${sections}`,
  );
  const child = spawn(program, ['--json', 'node', 'run', '--config', config, '--account', 'dev:7'], {
    env: { ...process.env, IMO_HOME: home.path },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal ?? code)));
  const line = await new Promise((resolve, reject) => {
    child.stdout.once('data', (chunk) => resolve(JSON.parse(chunk)));
    exited.then((code) => reject(new Error(`the node exited ${code}`)));
  });
  while (!(await fetch(`${line.url}/ready`)).ok) await new Promise((resolve) => setTimeout(resolve, 50));
  return { url: line.url, stop: (signal = 'SIGTERM') => (child.kill(signal), exited) };
}

/** The same, of one that only sells. */
export const startSeller = (home, dev, sections, http) =>
  startNode(home, dev, { http, chain: 'answer_requests = false', sections });
