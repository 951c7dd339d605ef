import { IS_ADMIN_ONLY } from '../auth/admin-only.decorator';
import { IS_PUBLIC } from '../auth/public.decorator';
import { PRESENTER } from '../commands/command.metadata';
import { REFUSED_PARTS, type Part } from '../common/http/refuse-extras.decorator';
import { ownCodes } from '../common/problem/api-problem.decorator';
import type { ProblemCode } from '../common/problem/catalog';

/** What the decorators of a route say, beside what Swagger itself reads. */
export interface RouteFacts {
  readonly isPublic: boolean;
  readonly isAdminOnly: boolean;
  readonly takesKey: boolean;
  readonly refusedParts: readonly Part[];
  /** The codes that `ApiProblem` names, those of the method first. */
  readonly ownCodes: readonly ProblemCode[];
}

/** Reads the facts from a controller's class and from the method that handles the route, as guards and interceptors do. */
export function routeFacts(controller: object, handler: object): RouteFacts {
  const says = (key: string): boolean => Reflect.getMetadata(key, handler) === true || Reflect.getMetadata(key, controller) === true;
  return {
    isPublic: says(IS_PUBLIC),
    isAdminOnly: says(IS_ADMIN_ONLY),
    takesKey: Reflect.hasMetadata(PRESENTER, handler),
    refusedParts: (Reflect.getMetadata(REFUSED_PARTS, handler) as readonly Part[] | undefined) ?? [],
    ownCodes: [...ownCodes(handler), ...ownCodes(controller)],
  };
}
