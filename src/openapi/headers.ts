import type { OpenAPIObject } from '@nestjs/swagger';
import { isPart, partOf, type Part } from './schema-walk';

const header = (description: string, type: 'string' | 'integer' | 'boolean' = 'string'): Part => ({ description, schema: { type } });

/** Every header of answers that clients may rely on, by its name. */
const HEADERS: Readonly<Record<string, Part>> = {
  ETag: header('For `If-None-Match`: covers the body. Of one deployment also for `If-Match`: changes with every decision about it'),
  'Idempotency-Replayed': header('True: the first answer to this `Idempotency-Key`, once more', 'boolean'),
  Link: header('RFC 8288: the `next` and the `prev` page, where there is one'),
  Location: header('Where to follow what was made or begun'),
  'Preference-Applied': header('`respond-async`, where `Prefer` asked for it'),
  'Retry-After': header('Seconds to wait', 'integer'),
  'WWW-Authenticate': header('Always `Bearer`'),
  'X-Request-Id': header('The id under which the log knows this request'),
  'X-Total-Count': header('How many there are in all; of the audit log 10000 also stands for more', 'integer'),
};

/** The answers that carry a `Location`, by operation. A test compares what the server sends. */
const LOCATED: Readonly<Record<string, readonly string[]>> = {
  deployments_bulk_delete: ['200', '202'],
  deployments_bulk_deploy: ['200'],
  deployments_bulk_restore: ['200', '202'],
  deployments_delete: ['202'],
  deployments_change: ['202'],
  deployments_deploy: ['202'],
  deployments_named_apply: ['202'],
  deployments_restart: ['202'],
  deployments_restore: ['202'],
  deployments_rollback: ['202'],
  deployments_rollout_abort: ['202'],
  emails_create: ['201'],
  nodes_register: ['201'],
  orphans_adopt: ['202'],
  orphans_reap: ['202'],
  projects_create: ['201'],
  retention_policies_create: ['201'],
  webhooks_create: ['201'],
};

/**
 * Refusals of the work itself, which are kept under an `Idempotency-Key` as other answers are. They are declared so for all operations,
 * so that the document has each of them once.
 */
const KEPT_REFUSALS = new Set(['404', '409', '412']);

/** Reads whose answers may be kept and asked for again with `If-None-Match`. */
const KEPT = /^\/api\/(?!auth\/)/;

/** Declares the headers of all answers, each with one description. */
export function declareHeaders(document: OpenAPIObject): void {
  for (const [path, item] of Object.entries(document.paths)) {
    if (isPart(item.get) && KEPT.test(path)) declareConditional(item.get);
    for (const operation of Object.values<unknown>({ ...item })) if (isPart(operation)) declare(operation);
  }
}

/** A read answers 304 without a body to a client that has the body already. */
function declareConditional(operation: Part): void {
  const responses = partOf(operation, 'responses');
  const ok = partOf(responses, '200');
  const headers = { ...partOf(ok, 'headers'), ETag: {} };
  ok.headers = headers;
  responses['304'] = { description: 'The body is the one that `If-None-Match` names', headers };
}

function declare(operation: Part): void {
  const takesKey = takesHeader(operation, 'Idempotency-Key');
  const located = LOCATED[String(operation.operationId)] ?? [];
  for (const [status, response] of Object.entries(partOf(operation, 'responses'))) {
    if (!isPart(response)) continue;
    const names = new Set(['X-Request-Id', ...Object.keys(partOf(response, 'headers'))]);
    if (KEPT_REFUSALS.has(status) || (takesKey && Number(status) < 300)) names.add('Idempotency-Replayed');
    if (located.includes(status)) names.add('Location');
    if (status === '202' && takesHeader(operation, 'Prefer')) names.add('Preference-Applied');
    response.headers = Object.fromEntries([...names].sort().map((name) => [name, { ...HEADERS[name] }]));
  }
}

function takesHeader({ parameters }: Part, name: string): boolean {
  return Array.isArray(parameters) && parameters.some((parameter) => isPart(parameter) && parameter.name === name);
}
