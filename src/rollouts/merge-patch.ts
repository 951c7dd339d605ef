/** A JSON object as it was sent or is shown. */
export type JsonObject = Readonly<Record<string, unknown>>;

export const isJsonObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Members whose values are maps that users name the entries of. */
const MAPS: ReadonlySet<string> = new Set(['env', 'secret_env', 'labels']);

/**
 * Merges a patch into a body (RFC 7396). In maps `null` removes the entry. Elsewhere it stays, because that is how a body asks for
 * a default, so that a name that nobody knows is refused with `null` too. Pure.
 */
export const mergePatch = (body: JsonObject, patch: JsonObject): JsonObject =>
  fromEntries(body, patch, (name, value) => {
    if (!isJsonObject(value)) return value;
    const before = isJsonObject(body[name]) ? body[name] : {};
    return MAPS.has(name) ? mergeMap(before, value) : mergePatch(before, value);
  });

const mergeMap = (map: JsonObject, patch: JsonObject): JsonObject => {
  const merged = fromEntries(map, patch, (_name, value) => value);
  return Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null));
};

/** Names such as `__proto__` become members like all others. */
const fromEntries = (body: JsonObject, patch: JsonObject, merged: (name: string, value: unknown) => unknown): JsonObject =>
  Object.fromEntries([...Object.entries(body), ...Object.entries(patch).map(([name, value]) => [name, merged(name, value)] as const)]);
