import Ajv, { type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { OpenApiDocument, Operation, Schema, WireAnswer } from './openapi-client';

const PROBLEM_TYPE = 'application/problem+json';
const ID = /^[A-Za-z0-9._-]{1,128}$/;
/** What no answer may contain: SQL, stacks, paths of the installation. */
const LEAK = /\b(SELECT|INSERT INTO|UPDATE|DELETE FROM) |node_modules|\.(ts|js):\d+|QueryFailedError|TypeError|ECONNREFUSED/;
/** RFC 9457 extension members of single codes; every other unknown member is a fault. */
const EXTENSIONS = [
  ...['deployment_id', 'deleted_at', 'purge_at', 'blocked_by', 'protection_reason', 'etag'],
  ...['open_reservations', 'shortages', 'quota', 'limit', 'used', 'requested', 'oldest_position', 'latest_position'],
];

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
    const type = String(headers['content-type'] ?? '').split(';', 1)[0] ?? '';
    if (!response.content) return text === '' ? [] : [`status ${String(status)} is documented without a body`];
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

  /**
   * Translates OpenAPI 3.0 to JSON Schema: resolves references, translates `nullable`, and closes objects unless they are
   * declared open.
   */
  private toJsonSchema(schema: Schema): unknown {
    if (schema.$ref !== undefined) return this.toJsonSchema(this.resolve(schema.$ref));
    const { nullable, allOf, oneOf, anyOf, items, properties, additionalProperties, ...rest } = schema;
    const isMap = typeof additionalProperties === 'object';
    const plain: Record<string, unknown> = allOf
      ? { allOf: allOf.map((part) => this.toJsonSchema(part)) }
      : {
          ...rest,
          ...(oneOf ? { oneOf: oneOf.map((part) => this.toJsonSchema(part)) } : {}),
          ...(anyOf ? { anyOf: anyOf.map((part) => this.toJsonSchema(part)) } : {}),
          ...(items ? { items: this.toJsonSchema(items) } : {}),
          ...(properties
            ? { properties: Object.fromEntries(Object.entries(properties).map(([name, part]) => [name, this.toJsonSchema(part)])) }
            : {}),
          ...(rest.type === 'object'
            ? {
                additionalProperties: isMap
                  ? this.toJsonSchema(additionalProperties)
                  : additionalProperties === true || this.isOpen(schema),
              }
            : {}),
        };
    return nullable === true ? { anyOf: [{ type: 'null' }, plain] } : plain;
  }

  /** A problem may have members that belong to its code; they are checked by name. */
  private isOpen(schema: Schema): boolean {
    return schema === this.document.components.schemas.ProblemDto;
  }

  private resolve(reference: string): Schema {
    const schema = this.document.components.schemas[reference.replace('#/components/schemas/', '')];
    if (!schema) throw new Error(`the document has no ${reference}`);
    return schema;
  }
}

const PROBLEM_MEMBERS = new Set(['type', 'title', 'status', 'detail', 'instance', 'code', 'request_id', 'errors', ...EXTENSIONS]);

function problemFaults({ status, headers, text }: WireAnswer, path: string): string[] {
  if (!String(headers['content-type']).startsWith(PROBLEM_TYPE))
    return status >= 400 && status !== 503 ? ['an error that is no problem'] : [];
  const problem = parse(text);
  if (typeof problem !== 'object' || problem === null) return ['a problem that is no object'];
  const { status: member, request_id: id, instance, type, code, errors } = problem as Record<string, unknown>;
  const unknown = Object.keys(problem).filter((name) => !PROBLEM_MEMBERS.has(name));
  return [
    ...(member === status ? [] : [`a problem with status ${String(member)} in an answer with ${String(status)}`]),
    ...(id === headers['x-request-id'] ? [] : ['a problem with another request_id than the header']),
    ...(instance === path.split('?', 1)[0] ? [] : [`a problem with the instance ${String(instance)}`]),
    ...(type === `urn:fog-compute:problem:${String(code)}` ? [] : [`a problem of the type ${String(type)}`]),
    ...(Array.isArray(errors) && errors.length > 10 ? ['more than ten errors'] : []),
    ...(text.length > 8_192 ? ['a problem of more than 8 kB'] : []),
    ...unknown.map((name) => `a problem with the member ${name}`),
  ];
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
