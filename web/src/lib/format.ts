import { formatUnits } from 'viem';

/** `amount` in units of 10^-decimals with at most `digits` significant decimals. */
export function amountText(amount: bigint, decimals = 18, digits = 6): string {
  const [whole = '0', fraction = ''] = formatUnits(amount, decimals).split('.');
  const kept = fraction.slice(0, digits).replace(/0+$/, '');
  const grouped = BigInt(whole).toLocaleString('en-US');
  if (kept) return `${grouped}.${kept}`;
  return amount !== 0n && whole === '0' ? `< 0.${'0'.repeat(digits - 1)}1` : grouped;
}

/** A number for a chart; loses digits. */
export function amountNumber(amount: bigint, decimals = 18): number {
  return Number(formatUnits(amount, decimals));
}

export function shortAddress(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}

export function percentText(part: bigint, whole: bigint): string {
  if (whole === 0n) return '—';
  return `${(Number((part * 10_000n) / whole) / 100).toFixed(1)} %`;
}

export function timeText(seconds: bigint): string {
  return new Date(Number(seconds) * 1000).toISOString().replace('T', ' ').slice(0, 16) + ' UTC';
}

/** `3 d 4 h`, `12 min`: the two largest units. */
export function durationText(seconds: bigint): string {
  const units: [string, bigint][] = [['d', 86400n], ['h', 3600n], ['min', 60n], ['s', 1n]];
  const parts: string[] = [];
  let rest = seconds;
  for (const [name, size] of units) {
    if (rest >= size) parts.push(`${rest / size} ${name}`);
    rest %= size;
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}
