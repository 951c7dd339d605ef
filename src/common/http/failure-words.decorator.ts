import { RouteConfig } from '@nestjs/platform-fastify';

/**
 * How the `detail` of a 500 of this route begins, such as `Deletion failed`. It is kept in the configuration of the
 * route in Fastify, so it also applies to failures before the handler (guards, pipes). Errors that are thrown on
 * purpose keep their own words. `others` are further members of that configuration, which has one decorator only.
 */
export const FailureWords = (words: string, others: object = {}): MethodDecorator => RouteConfig({ ...others, failureWords: words });

/** The words of the route that a request was matched to; undefined for routes without any. */
export function failureWordsOf(request: { routeOptions?: { config?: unknown } }): string | undefined {
  const config = request.routeOptions?.config;
  if (typeof config !== 'object' || config === null) return undefined;
  const words: unknown = Reflect.get(config, 'failureWords');
  return typeof words === 'string' ? words : undefined;
}
