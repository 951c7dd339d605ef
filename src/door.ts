import type { FastifyInstance } from 'fastify';
import { commaList } from './common/comma-list';
import { tellAllowedMethods } from './common/http/allowed-methods';
import { answerReadsConditionally } from './common/http/conditional-reads';
import { checkHost, hostName } from './common/http/host-check';
import { leadToPublicUrl } from './common/http/public-url';
import type { AppConfig } from './config/app-config';
import { MAX_PARAM_LENGTH } from './fastify-options';

/**
 * What stands between the outside and the routes: which names may call, which methods there are, what a client has already,
 * and where the addresses in answers lead. Call it before the routes are made.
 */
export function openDoor(fastify: FastifyInstance, config: AppConfig): void {
  checkHost(fastify, { names: allowedHosts(config), exempt: hostExemption(config) });
  tellAllowedMethods(fastify, MAX_PARAM_LENGTH);
  answerReadsConditionally(fastify);
  leadToPublicUrl(fastify, config.PUBLIC_URL);
}

/** The names that the `Host` header may have, besides those that are always allowed. */
function allowedHosts({ HOST, PUBLIC_URL, ALLOWED_HOSTS }: AppConfig): string[] {
  const known = [hostName(HOST), PUBLIC_URL === undefined ? null : hostName(new URL(PUBLIC_URL).host)];
  return [...known.filter((name) => name !== null), ...commaList(ALLOWED_HOSTS).map((name) => name.toLowerCase())];
}

/** Probes call by any name and see nothing that matters; metrics need a token of an administrator, unless they are public. */
const hostExemption =
  ({ METRICS_PUBLIC }: AppConfig) =>
  (path: string): boolean =>
    path.startsWith('/health/') || (path === '/metrics' && !METRICS_PUBLIC);
