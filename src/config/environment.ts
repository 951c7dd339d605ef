/** The variables that are set, by name, and what is wrong with how they are written. */
interface Environment {
  readonly values: Readonly<Record<string, string>>;
  readonly faults: readonly string[];
}

/**
 * The variables that have a value, without the white space around it: a secret from a file ends with a line break, and two
 * processes of which one trims it would have two secrets. `known` are the names that the program reads.
 */
export function readEnvironment(env: NodeJS.ProcessEnv, known: ReadonlySet<string>): Environment {
  const trimmed = Object.entries(env).map(([name, value]) => [name, value?.trim() ?? ''] as const);
  const present = withProxies(trimmed.filter(([, value]) => value !== ''));
  const quoted = present.filter(([name, value]) => known.has(name) && isQuoted(value));
  return {
    values: Object.fromEntries(present),
    faults: quoted.map(([name]) => `${name} has quotation marks around it, which would be a part of it: leave them out`),
  };
}

/** Many shells set these in lower case only. */
const PROXIES = ['HTTPS_PROXY', 'NO_PROXY'];

function withProxies(present: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] {
  const names = new Set(present.map(([name]) => name));
  const lower = present.filter(([name]) => PROXIES.includes(name.toUpperCase()) && !names.has(name.toUpperCase()));
  return [...present, ...lower.map(([name, value]) => [name.toUpperCase(), value] as const)];
}

/** As `docker run --env-file` hands on a line that was written for a shell. */
const isQuoted = (value: string): boolean => /^(?:"[^]*"|'[^]*')$/.test(value);
