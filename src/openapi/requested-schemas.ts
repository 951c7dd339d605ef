import type { OpenAPIObject } from '@nestjs/swagger';
import { isPart, walk, type Part } from './schema-walk';

const REFERENCE = '#/components/schemas/';

/** The names of all schemas that the bodies of requests refer to, directly or through others. */
export function requestedSchemas(document: OpenAPIObject): Set<string> {
  return referredTo(
    document,
    operationsOf(document).map(({ requestBody }) => requestBody),
  );
}

/** The names of all schemas that the answers refer to. */
export function answeredSchemas(document: OpenAPIObject): Set<string> {
  return referredTo(
    document,
    operationsOf(document).map(({ responses }) => responses),
  );
}

/** What RFC 7396 calls a patch. Other changes are read as they are, with defaults for what only orders something. */
const MERGE_PATCHES = ['DeploymentChangeDto'].map((name) => REFERENCE + name);

/** The names of the schemas of merge patches alone, in which an absent member means that nothing changes. */
export function mergePatchSchemas(document: OpenAPIObject): Set<string> {
  const patches = MERGE_PATCHES.map(($ref) => ({ $ref }));
  const others = operationsOf(document).map(({ requestBody }) => requestBody);
  const made = referredTo(document, others, new Set(MERGE_PATCHES));
  return new Set([...referredTo(document, patches)].filter((name) => !made.has(name)));
}

const operationsOf = ({ paths }: OpenAPIObject): Part[] =>
  Object.values(paths).flatMap((item) => Object.values<unknown>({ ...item }).filter(isPart));

/** `passedOver`: references that are not followed. */
function referredTo(document: OpenAPIObject, values: unknown, passedOver: ReadonlySet<string> = new Set()): Set<string> {
  const schemas: Part = { ...document.components?.schemas };
  const found = new Set<string>();
  const collect = (value: unknown): void =>
    walk(value, ({ $ref }) => {
      if (typeof $ref !== 'string' || !$ref.startsWith(REFERENCE) || passedOver.has($ref)) return;
      const name = $ref.slice(REFERENCE.length);
      if (found.has(name)) return;
      found.add(name);
      collect(schemas[name]);
    });
  collect(values);
  return found;
}
