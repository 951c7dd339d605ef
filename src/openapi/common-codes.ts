import type { ProblemCode } from '../common/problem/catalog';
import type { RouteFacts } from './route-facts';

/** What decides which codes a route can give before its handler runs, or when the program itself fails. */
interface CommonRoute extends Omit<RouteFacts, 'ownCodes'> {
  readonly isGet: boolean;
  /** As `changesNothing` says: read-only tokens may use it. */
  readonly isQuestion: boolean;
  /** Tokens that are bound to a project may use it. */
  readonly isOpenToBound: boolean;
  readonly hasBody: boolean;
  /** In the path or the query. */
  readonly hasParameters: boolean;
}

/** The codes that guards, filters, interceptors and the reading of requests give. No `ApiProblem` names them. */
export function commonCodes(route: CommonRoute): ProblemCode[] {
  const { isPublic, isAdminOnly, isOpenToBound, isGet, isQuestion, hasBody, hasParameters, takesKey, refusedParts } = route;
  const rules: [applies: boolean, codes: ProblemCode[]][] = [
    [true, ['rate_limited', 'internal', 'try_again']],
    [!isPublic, ['unauthenticated', 'inactive_user']],
    [!isPublic && !isOpenToBound, ['bound_token']],
    [!isPublic && !isQuestion, ['read_only_token']],
    [!isPublic && isAdminOnly, ['admin_required']],
    // A body is read before anybody asks whether the route has one.
    [!isGet, ['malformed_json', 'payload_too_large', 'unsupported_media_type']],
    [hasBody || refusedParts.includes('body'), ['validation_failed']],
    // A condition is refused where it is not obeyed, and everywhere when it cannot be read.
    [!isGet || hasParameters || refusedParts.includes('query'), ['invalid_request']],
    [takesKey, ['idempotency_in_progress', 'idempotency_key_reused']],
  ];
  return rules.flatMap(([applies, codes]) => (applies ? codes : []));
}
