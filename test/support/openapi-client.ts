import { Agent, request as httpRequest, type OutgoingHttpHeaders } from 'node:http';

export interface WireRequest {
  readonly method: string;
  /** Sent exactly as it is, without normalisation. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly ms: number;
}

export interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly [keyword: string]: unknown;
}

export interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

interface DocumentedResponse {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, { readonly schema: Schema; readonly examples?: Readonly<Record<string, unknown>> }>>;
}

export interface Operation {
  /** Such as `POST /api/auth/login`. */
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly isPublic: boolean;
  readonly parameters: readonly Parameter[];
  readonly body: Schema | null;
  /** The bodies that Swagger UI offers. */
  readonly examples: readonly unknown[];
  readonly responses: Readonly<Record<string, DocumentedResponse>>;
}

/** The document has in common places what operations share. */
interface Reference {
  readonly $ref: string;
}

interface RawOperation {
  readonly security?: readonly unknown[];
  readonly parameters?: readonly (Parameter | Reference)[];
  readonly requestBody?: {
    readonly content: Readonly<
      Record<string, { readonly schema: Schema; readonly examples?: Readonly<Record<string, { readonly value: unknown }>> }>
    >;
  };
  readonly responses: Readonly<Record<string, DocumentedResponse | Reference>>;
}

export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly parameters: Readonly<Record<string, Parameter>>;
    readonly responses: Readonly<Record<string, DocumentedResponse>>;
  };
}

const TIMEOUT_MS = 30_000;
/** A stream has no end, so the answer is what has arrived by then. */
const STREAM_MS = 150;
const agent = new Agent({ keepAlive: true, maxSockets: 32 });

/**
 * Sends one request byte for byte; rejects when no complete answer comes. Ids, paths and headers may be as odd as HTTP allows.
 */
export function send(url: string, { method, path, headers = {}, body }: WireRequest): Promise<WireAnswer> {
  const { hostname, port } = new URL(url);
  const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
  const begun = performance.now();
  return new Promise((resolve, reject) => {
    const asked = httpRequest({ hostname, port, method, path, agent, headers: { ...length, ...headers } }, (answer) => {
      const chunks: Buffer[] = [];
      const isStream = answer.headers['content-type']?.startsWith('text/event-stream') === true;
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', (error) => (isStream ? undefined : reject(error)));
      if (isStream) setTimeout(() => asked.destroy(), STREAM_MS);
      answer.on('close', () => {
        if (!answer.complete && !isStream) return reject(new Error(`${method} ${path}: the answer broke off`));
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text, ms: performance.now() - begun });
      });
    });
    asked.on('error', (error) => reject(new Error(`${method} ${path}: ${error.message}`, { cause: error })));
    asked.setTimeout(TIMEOUT_MS, () => asked.destroy(new Error(`${method} ${path}: no answer within ${String(TIMEOUT_MS)} ms`)));
    asked.end(body);
  });
}

/** Reads the document that the application serves, and its operations. */
export async function readOpenApi(url: string): Promise<{ document: OpenApiDocument; operations: Operation[] }> {
  const { text } = await send(url, { method: 'GET', path: '/openapi.json' });
  const document = JSON.parse(text) as OpenApiDocument;
  const operations = Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([verb, operation]): Operation => {
      const method = verb.toUpperCase();
      const { security, parameters = [], requestBody, responses } = operation;
      return {
        name: `${method} ${path}`,
        method,
        path,
        isPublic: security?.length === 0,
        parameters: parameters.map((parameter) => withWholeSchema(resolved(parameter, document.components.parameters), document)),
        body: requestBody?.content['application/json']?.schema ?? null,
        examples: Object.values(requestBody?.content['application/json']?.examples ?? {}).map(({ value }) => value),
        responses: Object.fromEntries(
          Object.entries(responses).map(([status, response]) => [status, resolved(response, document.components.responses)]),
        ),
      };
    }),
  );
  return { document, operations };
}

/** The part itself, or the shared one that it refers to. */
function resolved<T extends object>(part: T | Reference, shared: Readonly<Record<string, T>>): T {
  if (!('$ref' in part)) return part;
  const found = shared[part.$ref.split('/').at(-1) ?? ''];
  if (!found) throw new Error(`the document has no ${part.$ref}`);
  return found;
}

/** The parameter with the schema that its own refers to. */
function withWholeSchema(parameter: Parameter, { components }: OpenApiDocument): Parameter {
  const { $ref, allOf, ...own } = parameter.schema;
  const name = ($ref ?? allOf?.[0]?.$ref)?.split('/').at(-1);
  return name === undefined ? parameter : { ...parameter, schema: { ...components.schemas[name], ...own } };
}
