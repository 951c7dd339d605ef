import type { ProblemCode } from '../common/problem/catalog';
import { commonCodes } from './common-codes';

type Route = Parameters<typeof commonCodes>[0];

/** A route of which nothing is said: a closed GET without parameters. */
const PLAIN: Route = {
  isPublic: false,
  isAdminOnly: false,
  takesKey: false,
  refusedParts: [],
  isGet: true,
  isQuestion: true,
  isOpenToBound: true,
  hasBody: false,
  hasParameters: false,
};
const codesOf = (route: Partial<Route>): ProblemCode[] => commonCodes({ ...PLAIN, ...route });

const ALWAYS: ProblemCode[] = ['rate_limited', 'internal', 'try_again'];
const CLOSED: ProblemCode[] = [...ALWAYS, 'unauthenticated', 'inactive_user'];
const BODY_READ: ProblemCode[] = ['malformed_json', 'payload_too_large', 'unsupported_media_type'];

describe('commonCodes', () => {
  it.each<[string, Partial<Route>, ProblemCode[]]>([
    ['a public route', { isPublic: true }, ALWAYS],
    ['a closed route', {}, CLOSED],
    ['a route that is closed to bound tokens', { isOpenToBound: false }, [...CLOSED, 'bound_token']],
    ['a route for administrators', { isAdminOnly: true }, [...CLOSED, 'admin_required']],
    ['a route with parameters', { hasParameters: true }, [...CLOSED, 'invalid_request']],
    ['a route that refuses every query', { refusedParts: ['query'] }, [...CLOSED, 'invalid_request']],
    [
      'a public route that changes something',
      { isPublic: true, isGet: false, isQuestion: false },
      [...ALWAYS, ...BODY_READ, 'invalid_request'],
    ],
    [
      'a closed route that changes something',
      { isGet: false, isQuestion: false },
      [...CLOSED, 'read_only_token', ...BODY_READ, 'invalid_request'],
    ],
    [
      'a route with a body',
      { isPublic: true, isGet: false, hasBody: true },
      [...ALWAYS, ...BODY_READ, 'validation_failed', 'invalid_request'],
    ],
    ['a preview', { isGet: false }, [...CLOSED, ...BODY_READ, 'invalid_request']],
    [
      'a route that refuses every body',
      { isPublic: true, isGet: false, refusedParts: ['body'] },
      [...ALWAYS, ...BODY_READ, 'validation_failed', 'invalid_request'],
    ],
    [
      'a route that takes a key',
      { isPublic: true, isGet: false, takesKey: true },
      [...ALWAYS, ...BODY_READ, 'invalid_request', 'idempotency_in_progress', 'idempotency_key_reused'],
    ],
  ])('knows what %s gives', (_what, route, codes) => {
    expect(codesOf(route)).toEqual(codes);
  });
});
