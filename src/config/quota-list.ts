/** What a user or a project holds, as requests and answers name it. Memory is in MB, storage in GB. */
export const HELD = [
  ...(['deployments', 'replicas', 'cpu_cores', 'memory_mb', 'gpu_units', 'storage_gb', 'volumes', 'ports'] as const),
  ...(['kept_deployments', 'stored_bytes'] as const),
] as const;
export type Held = (typeof HELD)[number];

/** Limits of one user or project. What is absent is as configured for everybody; null is no limit. */
export type OwnQuota = Readonly<Partial<Record<Held, number | null>>>;

/** The most that a limit can be. */
export const MOST_OF_A_QUOTA = 1_000_000_000_000;

/** Reads `deployments=10,cpu_cores=4.5`, or `none`. Throws a sentence that names what cannot be read. */
export function readQuotaList(text: string): OwnQuota {
  if (text === 'none') return {};
  const parts = text.split(',').filter((part) => part.trim() !== '');
  return Object.fromEntries(parts.map(readPart));
}

function readPart(part: string): [Held, number] {
  const [name = '', value = ''] = part.split('=', 2).map((each) => each.trim());
  const held = HELD.find((each) => each === name);
  if (!held) throw new Error(`REGISTRATION_QUOTA must name ${HELD.join(', ')}, and not "${name}"`);
  const amount = /^\d{1,13}(\.\d{1,3})?$/.test(value) ? Number(value) : NaN;
  if (!(amount <= MOST_OF_A_QUOTA) || (held !== 'cpu_cores' && !Number.isInteger(amount)))
    throw new Error(`REGISTRATION_QUOTA must give ${held} a number from 0 on, as in ${held}=10`);
  return [held, amount];
}
