import { request, type Dispatcher } from 'undici';
import { deploymentOf } from './entries';
import { DIGEST_SEARCH, digestIn } from './document';

const ANSWERS_WITHIN_MS = 3_000;
const OK = 200;
/** More than there can be routes. */
const ALL = '1000000';

/** What Traefik says of itself. */
export interface ShownByTraefik {
  /** Of the configuration that it serves; undefined while it has none of ours. */
  readonly digest: string | undefined;
  /** Deployments with a router or a service that it has switched off, because something is wrong with it. */
  readonly switchedOff: ReadonlySet<string>;
}

/** Reads Traefik's own API, in three requests whose answers do not grow with the number of routes. */
export class TraefikApi {
  constructor(private readonly url: string) {}

  /** Rejects, in words, when it cannot be asked. */
  async show(): Promise<ShownByTraefik> {
    // The configuration first: what is switched off is then that of this one, or of a later one.
    const marks = await this.names('middlewares', { search: DIGEST_SEARCH });
    const off = [...(await this.names('routers', { status: 'disabled' })), ...(await this.names('services', { status: 'disabled' }))];
    return {
      digest: marks.map(digestIn).find((digest) => digest !== undefined),
      switchedOff: new Set(off.flatMap((name) => deploymentOf(name) ?? [])),
    };
  }

  private async names(kind: 'middlewares' | 'routers' | 'services', query: Record<string, string>): Promise<string[]> {
    const url = `${this.url}/api/http/${kind}?${new URLSearchParams({ ...query, per_page: ALL }).toString()}`;
    let answer: Dispatcher.ResponseData;
    try {
      answer = await request(url, { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) });
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error);
      throw new Error(`Traefik cannot be asked at TRAEFIK_API_URL: ${words}`, { cause: error });
    }
    const list: unknown = await answer.body.json().catch(() => null);
    if (answer.statusCode !== OK) {
      const advice = 'it has to be the address of the API of Traefik (api.insecure, or a router to api@internal)';
      throw new Error(`TRAEFIK_API_URL answers ${answer.statusCode}: ${advice}`);
    }
    if (!Array.isArray(list)) throw new Error('TRAEFIK_API_URL does not answer as the API of Traefik does');
    return list.flatMap((item: unknown) => {
      const name: unknown = typeof item === 'object' && item !== null ? Reflect.get(item, 'name') : undefined;
      return typeof name === 'string' ? [name] : [];
    });
  }
}
