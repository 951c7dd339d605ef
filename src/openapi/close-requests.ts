import type { OpenAPIObject } from '@nestjs/swagger';
import { isPart, partOf, walk, type Part } from './schema-walk';

const REFERENCE = '#/components/schemas/';

/** To these, members are added without a new version of the API; generated clients keep what they do not know. */
const OPEN = ['ProblemDto', 'EventDataDto'];

/**
 * States that requests are closed, since the server refuses unknown members, and that what has a default may be left out.
 * What answers also contain stays open, because members may be added there.
 */
export function closeRequests(document: OpenAPIObject): void {
  const schemas: Part = { ...document.components?.schemas };
  const [asked, answered] = [new Set<string>(), new Set<string>()];
  for (const item of Object.values(document.paths)) {
    for (const operation of Object.values<unknown>({ ...item })) {
      if (!isPart(operation)) continue;
      collect(operation.requestBody, schemas, asked);
      collect(operation.responses, schemas, answered);
    }
  }
  for (const name of OPEN) partOf(schemas, name).additionalProperties = true;
  for (const name of asked) {
    const schema = partOf(schemas, name);
    if (!answered.has(name) && schema.type === 'object') schema.additionalProperties ??= false;
    for (const member of Object.values(partOf(schema, 'properties'))) if (isPart(member)) tellDefault(member);
  }
}

/** Generators take a member with a `default` for one that is always there and make clients send it, so the words have it. */
function tellDefault(member: Part): void {
  if (member.default === undefined) return;
  const words = `Default: \`${JSON.stringify(member.default)}\``;
  member.description = typeof member.description === 'string' ? `${member.description}. ${words}` : words;
  Reflect.deleteProperty(member, 'default');
}

/** Adds the names of all schemas that `value` refers to, directly or through others. */
function collect(value: unknown, schemas: Part, found: Set<string>): void {
  walk(value, ({ $ref }) => {
    if (typeof $ref !== 'string' || !$ref.startsWith(REFERENCE)) return;
    const name = $ref.slice(REFERENCE.length);
    if (found.has(name)) return;
    found.add(name);
    collect(schemas[name], schemas, found);
  });
}
