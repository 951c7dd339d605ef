/** An IPv4 network as numbers: its first address and how many addresses it has. */
interface Range {
  readonly first: number;
  readonly size: number;
}

/** The pool that networks are cut from, in CIDR notation, and the prefix length of each: `198.18.0.0/15` and 24. */
export interface NetworkPool {
  readonly cidr: string;
  readonly prefixLength: number;
}

/**
 * A network of the pool that overlaps none of those taken, or null when there is none. The search begins at the place that
 * `seed` names, so that the same seed gets the same network wherever it is free. What is taken but is no IPv4 network does
 * not count.
 */
export function freeNetwork({ cidr, prefixLength }: NetworkPool, taken: readonly string[], seed: number): string | null {
  const pool = rangeOf(cidr);
  if (pool === null) return null;
  const size = 2 ** (32 - prefixLength);
  const places = Math.floor(pool.size / size);
  const inUse = taken.map(rangeOf).filter((range) => range !== null);
  for (let step = 0; step < places; step++) {
    const first = pool.first + ((seed + step) % places) * size;
    if (!inUse.some((other) => first < other.first + other.size && other.first < first + size))
      return `${addressOf(first)}/${prefixLength}`;
  }
  return null;
}

function rangeOf(cidr: string): Range | null {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(cidr)?.slice(1).map(Number);
  if (!parts) return null;
  const [prefixLength = 0] = parts.splice(4);
  const size = 2 ** (32 - prefixLength);
  const address = parts.reduce((sum, part) => sum * 256 + part, 0);
  return { first: address - (address % size), size };
}

const addressOf = (address: number): string => [24, 16, 8, 0].map((bits) => Math.floor(address / 2 ** bits) % 256).join('.');
