import { createPublicClient, http, type Address, type PublicClient } from 'viem';

/** What the node says of the chain it follows (`GET /v1/chain`). */
export interface ChainInfo {
  chain_id: number;
  rpc_url: string;
  deploy_block: number;
  contracts: { model_registry: Address; offering_factory: Address; oracle: Address };
}

export interface Chain {
  client: PublicClient;
  info: ChainInfo;
}

/** Asks the node where the chain is; from there on the page reads the chain itself. */
export async function connect(): Promise<Chain> {
  const response = await fetch('/v1/chain');
  if (!response.ok) throw new Error(`the node answered ${response.status} to /v1/chain`);
  const info = (await response.json()) as ChainInfo;
  const client = createPublicClient({ transport: http(info.rpc_url, { batch: true }) });
  const chainId = await client.getChainId();
  if (chainId !== info.chain_id) {
    throw new Error(`the chain at ${info.rpc_url} is ${chainId}, the contracts are on ${info.chain_id}`);
  }
  return { client, info };
}
