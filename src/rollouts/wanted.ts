import { DomainError } from '../common/problem/domain-error';
import { readBody, toInstance } from '../common/validation/request.pipe';
import { rolloutPolicyOf } from '../deployments/domain/rollout';
import { DeployRequestDto } from '../deployments/dto/deploy-request.dto';
import { showPolicy } from '../deployments/spec/rollout-policy';
import { readSpec, showContainer } from '../deployments/spec/spec-codec';
import type { AskedRoute } from '../routing/hosts/asked-route';
import { readHost } from '../routing/hosts/host-name';
import type { Wanted } from './change.types';
import { isJsonObject, mergePatch, type JsonObject } from './merge-patch';
import type { StoredState } from './stored-state.repository';

/** A wish as the body of the deploy that would make the same. With the values of `env`, so it stays in the program. */
export function bodyOf({ spec, protectionReason }: Wanted): JsonObject {
  const { container, routes } = spec;
  const { cpuCores, memoryMb, gpuUnits, storageGb } = container.resources;
  const body: Record<string, unknown> = {
    name: spec.name,
    type: spec.type,
    replicas: spec.replicas,
    region: spec.region,
    placement_strategy: spec.placementStrategy,
    labels: spec.labels,
    env: container.env,
    rollout: showPolicy(spec.rollout),
    routes: routes.map(({ host, pathPrefix, port }) =>
      host === null ? { path_prefix: pathPrefix, port } : { host, path_prefix: pathPrefix, port },
    ),
    resources: { cpu: cpuCores, memory: memoryMb, gpu: gpuUnits, storage: storageGb },
  };
  for (const [name, shown] of Object.entries(showContainer({ ...container, envNames: [] })))
    if (shown !== null && name !== 'env_names') body[name] = shown;
  if (protectionReason !== null) Object.assign(body, { protected: true, protection_reason: protectionReason });
  return body;
}

/** What is wanted now. Read like a body, so that it has the same form as what a change makes of it. */
export function wantedNow({ policy, protectionReason, ...stored }: StoredState): Wanted {
  const body = bodyOf({ spec: { ...stored, rollout: rolloutPolicyOf(policy) }, protectionReason });
  return { spec: readSpec(toInstance(body, DeployRequestDto)), protectionReason };
}

/** Throws `validation_failed` unless a patch is an object that leaves the name, the type and the project alone. */
export function requirePatch(sent: unknown): JsonObject {
  const patch = requireObject(sent);
  refuseMember(patch, 'name', 'name cannot change; it is how others find the deployment');
  refuseMember(patch, 'type', 'type cannot change; deploy another one in its place');
  refuseMember(patch, 'project', 'project changes with POST /api/deployment/{deployment_id}/move');
  return patch;
}

/** What is wanted once a patch is merged into what was. Throws `validation_failed` with pointers into the patch. */
export function readPatch(now: Wanted, patch: JsonObject): Wanted {
  const before = bodyOf(now);
  const unprotected = isUnprotected(patch) ? { protection_reason: null } : {};
  const merged = mergePatch({ ...before, ...unprotected, ...checkOfNoKind(before, patch) }, patch);
  return wantedBy(readBody(merged, DeployRequestDto));
}

/** With the protection its reason goes too, unless the patch itself says one. */
const isUnprotected = (patch: JsonObject): boolean => 'protected' in patch && patch.protected !== true;

const CHECK_KINDS = ['command', 'http', 'tcp'];

/** A health check is of one kind, so one that a patch names takes the place of the other. */
function checkOfNoKind({ health_check: check }: JsonObject, { health_check: wanted }: JsonObject): JsonObject {
  const namesKind = isJsonObject(wanted) && CHECK_KINDS.some((kind) => isJsonObject(wanted[kind]) || Array.isArray(wanted[kind]));
  if (!namesKind || !isJsonObject(check)) return {};
  return { health_check: Object.fromEntries(Object.entries(check).filter(([name]) => !CHECK_KINDS.includes(name) || name in wanted)) };
}

/** What a whole body asks for, whose name stands in the path. Throws `validation_failed`. */
export function readNamed(name: string, sent: unknown): Wanted {
  const body = requireObject(sent);
  refuseMember(body, 'name', 'name stands in the path');
  refuseMember(body, 'project', 'project stands in the query');
  return wantedBy(readBody({ ...body, name }, DeployRequestDto));
}

function wantedBy(body: DeployRequestDto): Wanted {
  const spec = readSpec(body);
  const routes = spec.routes.map(inOneSpelling);
  return { spec: { ...spec, routes }, protectionReason: body.protectionReason() };
}

/** What is stored has one spelling, and another one of the same host is no change. A host that is none is refused later. */
function inOneSpelling(route: AskedRoute): AskedRoute {
  const read = route.host === null ? null : readHost(route.host);
  return read && 'host' in read ? { ...route, host: read.host } : route;
}

/** Throws `validation_failed` for a body that is none. */
export function requireObject(sent: unknown): JsonObject {
  if (isJsonObject(sent)) return sent;
  const detail = 'The body must be a JSON object.';
  throw new DomainError('validation_failed', detail, { errors: [{ pointer: '', detail }] });
}

function refuseMember(body: JsonObject, member: string, detail: string): void {
  if (Object.hasOwn(body, member))
    throw new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: `/${member}`, detail }] });
}
