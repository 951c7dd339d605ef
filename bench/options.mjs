import { parseArgs } from 'node:util';

const UNITS = { k: 1_000, m: 1_000_000 };

/** `100k` and `1M` as numbers. */
function sizeOf(text) {
  const [, digits, unit] = /^(\d+)([kKmM]?)$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`A size looks like 10000, 100k or 1M; this is ${text}`);
  return Number(digits) * (UNITS[unit.toLowerCase()] ?? 1);
}

export const sizeName = (size) =>
  size % 1_000_000 === 0 ? `${size / 1_000_000}M` : size % 1_000 === 0 ? `${size / 1_000}k` : String(size);

export function readOptions(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      size: { type: 'string', default: '100k' },
      sizes: { type: 'string', default: '10k,1M' },
      clients: { type: 'string', default: '16' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      only: { type: 'string', default: '' },
      roles: { type: 'string', default: 'all,api' },
      nodes: { type: 'string', default: '50' },
      image: { type: 'string', default: 'fog-test/busybox:1' },
      'no-doc': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return {
    command: values.help ? 'help' : (positionals[0] ?? 'requests'),
    size: sizeOf(values.size),
    sizes: values.sizes.split(',').map(sizeOf),
    clients: Number(values.clients),
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    only: values.only.split(',').filter(Boolean),
    roles: values.roles.split(',').filter(Boolean),
    nodes: Number(values.nodes),
    image: values.image,
    writesDoc: !values['no-doc'],
  };
}
