// What viem makes of the cases in a JSON file; the C++ tests compare it with what imo makes.
//
//     node tests/interop/eth_vectors.mjs cases.json
//
// Prints one JSON object with the same members, each an array of results in the order of the cases.
import { readFileSync } from "node:fs";
import {
  encodeAbiParameters,
  decodeAbiParameters,
  getAddress,
  hashMessage,
  hashTypedData,
  keccak256,
  parseAbiParameters,
  parseEther,
  formatEther,
  toRlp,
} from "viem";
import { privateKeyToAccount } from "viem/accounts";

// Numbers come as decimal text, because JSON has none that are wide enough.
function fromText(parameter, value) {
  const array = parameter.type.match(/^(.*)\[\d*\]$/);
  if (array) {
    const element = { ...parameter, type: array[1] };
    return value.map((member) => fromText(element, member));
  }
  if (parameter.type === "tuple") {
    const members = parameter.components.map((component, i) => fromText(component, value[i]));
    const named = parameter.components.every((component) => component.name);
    if (!named) return members;
    return Object.fromEntries(parameter.components.map((c, i) => [c.name, members[i]]));
  }
  const integer = parameter.type.match(/^u?int(\d+)$/);
  if (!integer) return value;
  return Number(integer[1]) <= 48 ? Number(value) : BigInt(value);
}

function abi({ types, values }) {
  const parameters = parseAbiParameters(types);
  const encoded = encodeAbiParameters(
    parameters,
    parameters.map((parameter, i) => fromText(parameter, values[i])),
  );
  // viem must also be able to read it: a common misreading of ours and its encoder would show here.
  decodeAbiParameters(parameters, encoded);
  return encoded;
}

async function transaction({ key, ...fields }) {
  const serialized = await privateKeyToAccount(key).signTransaction({
    type: "eip1559",
    chainId: Number(fields.chainId),
    nonce: Number(fields.nonce),
    gas: BigInt(fields.gas),
    maxFeePerGas: BigInt(fields.maxFeePerGas),
    maxPriorityFeePerGas: BigInt(fields.maxPriorityFeePerGas),
    value: BigInt(fields.value),
    data: fields.data,
    accessList: fields.accessList,
    ...(fields.to ? { to: fields.to } : {}),
  });
  return { serialized, hash: keccak256(serialized) };
}

function typed({ domain, message }) {
  return hashTypedData({
    domain: { ...domain, chainId: BigInt(domain.chainId) },
    primaryType: "Order",
    types: {
      Item: [
        { name: "id", type: "uint256" },
        { name: "label", type: "string" },
      ],
      Order: [
        { name: "maker", type: "address" },
        { name: "price", type: "int64" },
        { name: "open", type: "bool" },
        { name: "salt", type: "bytes32" },
        { name: "data", type: "bytes" },
        { name: "item", type: "Item" },
        { name: "items", type: "Item[]" },
        { name: "steps", type: "uint256[]" },
      ],
    },
    message: {
      ...message,
      price: BigInt(message.price),
      item: { ...message.item, id: BigInt(message.item.id) },
      items: message.items.map((item) => ({ ...item, id: BigInt(item.id) })),
      steps: message.steps.map(BigInt),
    },
  });
}

const cases = JSON.parse(readFileSync(process.argv[2], "utf8"));
console.log(
  JSON.stringify({
    abi: cases.abi.map(abi),
    keccak: cases.keccak.map((data) => keccak256(data)),
    rlp: cases.rlp.map((item) => toRlp(item)),
    address: cases.address.map((address) => getAddress(address)),
    message: cases.message.map((raw) => hashMessage({ raw })),
    ether: cases.ether.map((wei) => formatEther(BigInt(wei))),
    wei: cases.ether.map((wei) => parseEther(formatEther(BigInt(wei))).toString()),
    typed: cases.typed.map(typed),
    transaction: await Promise.all(cases.transaction.map(transaction)),
  }),
);
