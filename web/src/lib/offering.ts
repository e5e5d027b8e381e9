import { erc20Abi, zeroAddress, type Address } from 'viem';

import { modelRegistryAbi, modelTokenAbi, offeringFactoryAbi, uniformSaleAbi } from '../generated/abi';
import type { Chain } from './chain';

export const statusNames = ['pending', 'open', 'ended', 'succeeded', 'failed'] as const;
export type StatusName = (typeof statusNames)[number];

export interface BidEvent {
  owner: Address;
  tick: number;
  amount: bigint;
  cancelled: boolean;
  block: bigint;
}

/** One asset in which revenue arrives, and where it stands. */
export interface Revenue {
  asset: Address;
  symbol: string;
  decimals: number;
  /** Booked for holders, one entry a snapshot. */
  booked: bigint[];
  /** Arrived since the last snapshot. */
  unbooked: bigint;
  /** Booked and not yet claimed. */
  claimable: bigint;
  /** Paid to holders who burn. */
  redeemable: bigint;
}

export interface Offering {
  modelId: bigint;
  token: Address;
  sale: Address;
  vault: Address;
  treasury: Address;
  name: string;
  symbol: string;
  totalSupply: bigint;
  modelRoot: string;
  licence: string;
  author: Address;
  status: StatusName;
  parameters: Awaited<ReturnType<typeof readSale>>['parameters'];
  ladder: readonly bigint[];
  quote: Awaited<ReturnType<typeof readSale>>['quote'];
  bids: BidEvent[];
  revenue: Revenue[];
  snapshots: number;
  now: bigint;
}

/** One line of the list of offerings. */
export interface Listed {
  modelId: bigint;
  name: string;
}

/** All offerings, oldest first. */
export async function listOfferings({ client, info }: Chain): Promise<Listed[]> {
  const factory = { address: info.contracts.offering_factory, abi: offeringFactoryAbi } as const;
  const count = await client.readContract({ ...factory, functionName: 'offeringCount' });
  const indices = Array.from({ length: Number(count) }, (_, index) => BigInt(index));
  return Promise.all(
    indices.map(async (index) => {
      const modelId = await client.readContract({ ...factory, functionName: 'modelIdAt', args: [index] });
      const { token } = await client.readContract({ ...factory, functionName: 'offeringOf', args: [modelId] });
      const name = await client.readContract({ address: token, abi: modelTokenAbi, functionName: 'name' });
      return { modelId, name };
    }),
  );
}

async function readSale({ client }: Chain, address: Address) {
  const sale = { address, abi: uniformSaleAbi } as const;
  const [parameters, status, ladder, quote] = await Promise.all([
    client.readContract({ ...sale, functionName: 'parameters' }),
    client.readContract({ ...sale, functionName: 'status' }),
    client.readContract({ ...sale, functionName: 'ladder' }),
    client.readContract({ ...sale, functionName: 'quote' }),
  ]);
  return { parameters, status, ladder, quote };
}

async function readBids({ client, info }: Chain, sale: Address): Promise<BidEvent[]> {
  const range = { address: sale, abi: uniformSaleAbi, fromBlock: BigInt(info.deploy_block) } as const;
  const [placed, cancelled] = await Promise.all([
    client.getContractEvents({ ...range, eventName: 'BidPlaced', strict: true }),
    client.getContractEvents({ ...range, eventName: 'BidCancelled', strict: true }),
  ]);
  const toBid = (isCancelled: boolean) => (log: (typeof placed)[number] | (typeof cancelled)[number]) => ({
    owner: log.args.owner,
    tick: Number(log.args.tick),
    amount: log.args.amount,
    cancelled: isCancelled,
    block: log.blockNumber,
  });
  const bids = [...placed.map(toBid(false)), ...cancelled.map(toBid(true))];
  return bids.sort((a, b) => Number(a.block - b.block));
}

async function assetUnits({ client }: Chain, asset: Address) {
  if (asset === zeroAddress) return { symbol: 'ETH', decimals: 18 };
  const erc20 = { address: asset, abi: erc20Abi } as const;
  const [symbol, decimals] = await Promise.all([
    client.readContract({ ...erc20, functionName: 'symbol' }),
    client.readContract({ ...erc20, functionName: 'decimals' }),
  ]);
  return { symbol, decimals };
}

async function readRevenue(chain: Chain, token: Address, snapshots: number): Promise<Revenue[]> {
  const model = { address: token, abi: modelTokenAbi } as const;
  const { client } = chain;
  const assets = await client.readContract({ ...model, functionName: 'assets' });
  const ids = Array.from({ length: snapshots }, (_, index) => BigInt(index + 1));
  return Promise.all(
    assets.map(async (asset) => {
      const [units, unbooked, reserves, booked] = await Promise.all([
        assetUnits(chain, asset),
        client.readContract({ ...model, functionName: 'unbookedRevenue', args: [asset] }),
        client.readContract({ ...model, functionName: 'reservesOf', args: [asset] }),
        Promise.all(
          ids.map((id) => client.readContract({ ...model, functionName: 'bookedAt', args: [id, asset] })),
        ),
      ]);
      return { asset, ...units, booked, unbooked, claimable: reserves[0], redeemable: reserves[1] };
    }),
  );
}

/** Everything the page shows of one offering, read at the newest block. */
export async function readOffering(chain: Chain, modelId: bigint): Promise<Offering> {
  const { client, info } = chain;
  const [addresses, model, block] = await Promise.all([
    client.readContract({
      address: info.contracts.offering_factory,
      abi: offeringFactoryAbi,
      functionName: 'offeringOf',
      args: [modelId],
    }),
    client.readContract({
      address: info.contracts.model_registry,
      abi: modelRegistryAbi,
      functionName: 'modelOf',
      args: [modelId],
    }),
    client.getBlock(),
  ]);
  const token = { address: addresses.token, abi: modelTokenAbi } as const;
  const [sale, bids, name, symbol, totalSupply, snapshotCount] = await Promise.all([
    readSale(chain, addresses.sale),
    readBids(chain, addresses.sale),
    client.readContract({ ...token, functionName: 'name' }),
    client.readContract({ ...token, functionName: 'symbol' }),
    client.readContract({ ...token, functionName: 'totalSupply' }),
    client.readContract({ ...token, functionName: 'snapshotCount' }),
  ]);
  const snapshots = Number(snapshotCount);
  return {
    modelId,
    ...addresses,
    name,
    symbol,
    totalSupply,
    modelRoot: model.registration.modelRoot,
    licence: model.registration.licence,
    author: model.author,
    status: statusNames[sale.status] ?? 'pending',
    parameters: sale.parameters,
    ladder: sale.ladder,
    quote: sale.quote,
    bids,
    revenue: await readRevenue(chain, addresses.token, snapshots),
    snapshots,
    now: block.timestamp,
  };
}
