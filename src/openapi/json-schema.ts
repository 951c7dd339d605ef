import type { OpenAPIObject } from '@nestjs/swagger';
import { partOf, replace, walk, type Part } from './schema-walk';

/** Rules of text, which Nest leaves on a list although they are about its entries. */
const ENTRY_RULES = ['format', 'pattern', 'minLength', 'maxLength'];

/** Makes the schemas those of OpenAPI 3.1, which are JSON Schema 2020-12: what may be null says so in its type. */
export function toJsonSchema(document: OpenAPIObject): void {
  document.openapi = '3.1.0';
  walk(document, (part) => {
    if (part.type === 'array') moveEntryRules(part);
    if (part.type === 'number') part.format ??= 'double';
    if (part.nullable === true) allowNull(part);
  });
}

function moveEntryRules(part: Part): void {
  const items = partOf(part, 'items');
  for (const rule of ENTRY_RULES) {
    if (part[rule] === undefined) continue;
    if (items.$ref === undefined) items[rule] ??= part[rule];
    Reflect.deleteProperty(part, rule);
  }
}

function allowNull(part: Part): void {
  const { allOf, $ref, type, ...rest } = part;
  Reflect.deleteProperty(rest, 'nullable');
  const inner: unknown[] = Array.isArray(allOf) ? allOf : $ref === undefined ? [] : [{ $ref }];
  replace(part, inner.length > 0 ? { ...rest, anyOf: [...inner, { type: 'null' }] } : { type: [type, 'null'], ...rest });
}
