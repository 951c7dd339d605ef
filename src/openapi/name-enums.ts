import type { OpenAPIObject } from '@nestjs/swagger';
import { ENUM_NAMES } from './enum-names';
import { replace, walk, type Part } from './schema-walk';

const REFERENCE = '#/components/schemas/';
/** What the values of an enumeration say by themselves. */
const SAID_BY_VALUES = new Set(['type', 'enum', 'minLength', 'maxLength', 'pattern']);

/**
 * Gives every enumeration its name, so that the document has it once. One of a single truth value becomes a plain boolean:
 * generators make nothing useful of it, and some refuse it.
 */
export function nameEnums(document: OpenAPIObject): void {
  const schemas = ((document.components ??= {}).schemas ??= {});
  const names = new Map(Object.entries(ENUM_NAMES).map(([name, values]) => [keyOf(values), name]));
  const used = new Set<string>();
  walk(document, (part) => {
    if (!Array.isArray(part.enum)) return;
    if (part.type === 'boolean') return void Reflect.deleteProperty(part, 'enum');
    const name = names.get(keyOf(part.enum));
    if (name === undefined) return;
    used.add(name);
    refer(part, name);
  });
  for (const name of [...used].sort()) schemas[name] = enumOf(name, ENUM_NAMES[name] ?? []);
}

/** Constants are named `<type>_<value>`, as Protocol Buffers do: in Go all constants of a client share one space of names. */
const enumOf = (name: string, values: readonly string[]): { type: string; enum: string[]; 'x-enum-varnames': string[] } => ({
  type: 'string',
  enum: [...values],
  'x-enum-varnames': values.map((value) => upperCase(`${name}_${value}`)),
});

const upperCase = (words: string): string =>
  words
    .replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`)
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase();

const keyOf = (values: readonly unknown[]): string => JSON.stringify(values);

function refer(part: Part, name: string): void {
  const rest = Object.fromEntries(Object.entries(part).filter(([member]) => !SAID_BY_VALUES.has(member)));
  const reference = { $ref: `${REFERENCE}${name}` };
  replace(part, Object.keys(rest).length > 0 ? { ...rest, allOf: [reference] } : reference);
}
