import Ajv, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import type { OpenApiDocument, Operation, Schema, WireAnswer } from './openapi-client';

const PROBLEM_TYPE = 'application/problem+json';
/** Given only to those who ask for them. The document has one kind of answer for an operation, so it tells of these in words. */
const STREAMS = ['text/event-stream', 'application/x-ndjson'];
const ID = /^[A-Za-z0-9._-]{1,128}$/;
/** What no answer may contain: SQL, stacks, paths of the installation. */
const LEAK = /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM) |node_modules|\.(ts|js):\d+|QueryFailedError|TypeError|ECONNREFUSED/;
/** Headers that an answer has only if the document declares them. */
const DECLARED = ['etag', 'idempotency-replayed', 'link', 'location', 'preference-applied', 'retry-after', 'x-total-count'];

/** Compares answers with the OpenAPI document: status code, content type, body, and what holds for every answer. */
export class AnswerChecks {
  private readonly ajv = new Ajv({ strict: false, allErrors: false });
  private readonly validators = new Map<Schema, ValidateFunction>();

  constructor(private readonly document: OpenApiDocument) {
    addFormats(this.ajv);
  }

  /** What is wrong with this answer, in words; empty when nothing is. */
  faultsOf(operation: Operation, answer: WireAnswer, asked: { path: string; requestId?: string; maxMs?: number }): string[] {
    const { status, headers, text, ms } = answer;
    const faults: string[] = [];
    if (status >= 500 && status !== 503) faults.push(`status ${String(status)}`);
    if (asked.maxMs !== undefined && ms > asked.maxMs) faults.push(`took more than ${String(asked.maxMs)} ms`);
    const id = headers['x-request-id'];
    if (typeof id !== 'string' || !ID.test(id)) faults.push('no X-Request-Id');
    else if (asked.requestId !== undefined && ID.test(asked.requestId) && id !== asked.requestId)
      faults.push('another X-Request-Id than sent');
    if (status === 401 && headers['www-authenticate'] !== 'Bearer') faults.push('a 401 without WWW-Authenticate');
    if (status === 429 && !(Number(headers['retry-after']) >= 1)) faults.push('a 429 without Retry-After');
    if (LEAK.test(text)) faults.push('internals in the answer');
    return [...faults, ...this.bodyFaults(operation, answer), ...problemFaults(answer, asked.path)];
  }

  private bodyFaults({ responses }: Operation, { status, headers, text }: WireAnswer): string[] {
    const response = responses[String(status)];
    if (!response) return [`status ${String(status)} is not documented (${codeOf(text)})`];
    const declared = new Set(Object.keys(response.headers ?? {}).map((name) => name.toLowerCase()));
    const undeclared = DECLARED.filter((name) => name in headers && !declared.has(name));
    if (undeclared.length > 0) return [`status ${String(status)} is documented without ${undeclared.join(', ')}`];
    const type = String(headers['content-type'] ?? '').split(';', 1)[0] ?? '';
    if (!response.content) return text === '' ? [] : [`status ${String(status)} is documented without a body`];
    if (STREAMS.includes(type)) return [];
    const media = response.content[type];
    if (!media) return [`status ${String(status)} is not documented as ${type}`];
    if (type === PROBLEM_TYPE && !(codeOf(text) in (media.examples ?? {}))) {
      return [`code ${codeOf(text)} is not documented for status ${String(status)}`];
    }
    const value: unknown = /[/+]json$/.test(type) ? parse(text) : text;
    const validate = this.validatorOf(media.schema);
    return validate(value) ? [] : [`status ${String(status)}: ${this.ajv.errorsText(validate.errors)}`];
  }

  private validatorOf(schema: Schema): ValidateFunction {
    const known = this.validators.get(schema);
    if (known) return known;
    const made = this.ajv.compile(this.toJsonSchema(schema) as object);
    this.validators.set(schema, made);
    return made;
  }

  /** Resolves references, and closes objects: an answer may have no member that the document does not tell, although clients must cope. */
  private toJsonSchema(schema: Schema): unknown {
    if (schema.$ref !== undefined) return this.toJsonSchema(this.resolve(schema.$ref));
    const { allOf, oneOf, anyOf, items, properties, additionalProperties, ...rest } = schema;
    const isMap = typeof additionalProperties === 'object' || (additionalProperties === true && !properties);
    return {
      ...rest,
      ...(allOf ? { allOf: allOf.map((part) => this.toJsonSchema(part)) } : {}),
      ...(oneOf ? { oneOf: oneOf.map((part) => this.toJsonSchema(part)) } : {}),
      ...(anyOf ? { anyOf: anyOf.map((part) => this.toJsonSchema(part)) } : {}),
      ...(items ? { items: this.toJsonSchema(items) } : {}),
      ...(properties
        ? { properties: Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, this.toJsonSchema(part)])) }
        : {}),
      ...([rest.type].flat().includes('object')
        ? { additionalProperties: isMap ? (additionalProperties === true ? true : this.toJsonSchema(additionalProperties)) : false }
        : {}),
    };
  }

  private resolve(reference: string): Schema {
    const schema = this.document.components.schemas[reference.replace('#/components/schemas/', '')];
    if (!schema) throw new Error(`the document has no ${reference}`);
    return schema;
  }
}

function problemFaults({ status, headers, text }: WireAnswer, path: string): string[] {
  if (!String(headers['content-type']).startsWith(PROBLEM_TYPE))
    return status >= 400 && status !== 503 ? ['an error that is no problem'] : [];
  const problem = parse(text);
  if (typeof problem !== 'object' || problem === null) return ['a problem that is no object'];
  const { status: member, request_id: id, instance, type, code, errors } = problem as Record<string, unknown>;
  return [
    ...(member === status ? [] : [`a problem with status ${String(member)} in an answer with ${String(status)}`]),
    ...(id === headers['x-request-id'] ? [] : ['a problem with another request_id than the header']),
    ...(isInstance(instance, path, text) ? [] : [`a problem with the instance ${String(instance)}`]),
    ...(type === `urn:fog-compute:problem:${String(code)}` ? [] : [`a problem of the type ${String(type)}`]),
    ...(Array.isArray(errors) && errors.length > 10 ? ['more than ten errors'] : []),
    ...(Buffer.byteLength(text) > 4_096 ? ['a problem of more than 4 kB'] : []),
  ];
}

/** The path; only the beginning of one that does not fit into 4 kB with the rest. */
function isInstance(instance: unknown, path: string, text: string): boolean {
  const [whole = ''] = path.split('?', 1);
  if (instance === whole) return true;
  const isCut = typeof instance === 'string' && instance.endsWith('…') && whole.startsWith(instance.slice(0, -1));
  return isCut && Buffer.byteLength(text) + whole.length - instance.length > 3_900;
}

const codeOf = (text: string): string => {
  const value = parse(text);
  return typeof value === 'object' && value !== null ? String(Reflect.get(value, 'code')) : '';
};

export function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
