import type { OpenAPIObject } from '@nestjs/swagger';
import { answeredSchemas, mergePatchSchemas, requestedSchemas } from './requested-schemas';
import { isPart, partOf, type Part } from './schema-walk';

/** To these, members are added without a new version of the API; generated clients keep what they do not know. */
const OPEN = ['ProblemDto', 'EventDataDto', 'AuditDetailsDto'];

/**
 * States that requests are closed, since the server refuses unknown members, and that what has a default may be left out.
 * What answers also contain stays open, because members may be added there.
 */
export function closeRequests(document: OpenAPIObject): void {
  const schemas: Part = { ...document.components?.schemas };
  const [answered, patches] = [answeredSchemas(document), mergePatchSchemas(document)];
  for (const name of OPEN) partOf(schemas, name).additionalProperties = true;
  for (const name of requestedSchemas(document)) {
    const schema = partOf(schemas, name);
    if (!answered.has(name) && schema.type === 'object') schema.additionalProperties ??= false;
    for (const member of Object.values(partOf(schema, 'properties'))) if (isPart(member)) tellDefault(member, patches.has(name));
  }
}

/**
 * Generators take a member with a `default` for one that is always there and make clients send it, so the words have it. Those of
 * a merge patch have neither: what a patch leaves out stays as it is.
 */
function tellDefault(member: Part, isPatch: boolean): void {
  if (member.default === undefined) return;
  const words = `Default: \`${JSON.stringify(member.default)}\``;
  if (!isPatch) member.description = typeof member.description === 'string' ? `${member.description}. ${words}` : words;
  Reflect.deleteProperty(member, 'default');
}
