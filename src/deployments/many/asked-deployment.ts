import { setImmediate as nextTurn } from 'node:timers/promises';
import { DomainError } from '../../common/problem/domain-error';
import { readBody } from '../../common/validation/request.pipe';
import { DEPLOYMENT_NAME, DeployRequestDto, MAX_NAME_LENGTH } from '../dto/deploy-request.dto';
import type { DeployOrder, DeploymentSpec } from '../spec/deployment-spec';
import { readOrder } from '../spec/spec-codec';

/** One deployment of a request for many: what is wanted, or why it cannot be. */
export type AskedDeployment = {
  /** As the request names it; null when that is no name. */
  readonly name: string | null;
} & ({ readonly order: DeployOrder } | { readonly refusal: DomainError });

/** So many are read at once, before other requests get their turn: about 10 ms. */
const AT_ONCE = 100;

/** Reads each body as a single deploy does. `check` throws for what is beyond the configured limits. */
export async function readAsked(bodies: readonly unknown[], check: (spec: DeploymentSpec) => void): Promise<AskedDeployment[]> {
  const asked: AskedDeployment[] = [];
  for (const [index, body] of bodies.entries()) {
    if (index > 0 && index % AT_ONCE === 0) await nextTurn();
    asked.push({ name: nameOf(body), ...read(body, check) });
  }
  return asked;
}

function read(body: unknown, check: (spec: DeploymentSpec) => void): { order: DeployOrder } | { refusal: DomainError } {
  return orRefusal(() => {
    const dto = readBody(body, DeployRequestDto);
    const order = readOrder(dto);
    if (order.project !== null) throw projectTwice();
    check(order.spec);
    return { order };
  });
}

function projectTwice(): DomainError {
  const detail = 'project stands beside deployments: all of them go into one project';
  return new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: '/project', detail }] });
}

/** What `work` gives, or the refusal that it throws. Whatever is no refusal of the caller is thrown on. */
export function orRefusal<T>(work: () => T): T | { readonly refusal: DomainError } {
  try {
    return work();
  } catch (error) {
    if (error instanceof DomainError && error.status < 500) return { refusal: error };
    throw error;
  }
}

function nameOf(body: unknown): string | null {
  const name: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, 'name') : undefined;
  return typeof name === 'string' && name.length <= MAX_NAME_LENGTH && DEPLOYMENT_NAME.test(name) ? name : null;
}
