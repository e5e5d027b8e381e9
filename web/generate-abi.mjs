// Writes src/generated/abi.ts from forge's artifacts, as constants that viem can type.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const contracts = ['ModelRegistry', 'OfferingFactory', 'UniformSale', 'ModelToken', 'Oracle'];
const root = join(import.meta.dirname, '..');

const lines = contracts.map((name) => {
  const path = join(root, 'contracts', 'out', `${name}.sol`, `${name}.json`);
  const { abi } = JSON.parse(readFileSync(path, 'utf8'));
  const constant = name[0].toLowerCase() + name.slice(1);
  return `export const ${constant}Abi = ${JSON.stringify(abi)} as const;\n`;
});

const folder = join(import.meta.dirname, 'src', 'generated');
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'abi.ts'), lines.join('\n'));
