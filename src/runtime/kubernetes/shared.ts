import { parseImageReference } from '../../engines/image-reference';
import { parseRegistryServer, type RegistryCredential } from '../../engines/registry-credential';
import type { MakeSure } from '../engine-identities';
import { DriverError, type WorkloadSpec } from '../runtime-driver';
import type { ClusterObject, ClusterObjects } from './cluster-objects';
import { contentOf, LABEL, pullSecretName, secretName, selectorOf, tenantOf } from './labels';
import { isMadeAs } from './made-as';

/** On a shared object that somebody is about to remove. */
const GOING = 'fog-compute/going';
const ATTEMPTS = 5;

type Labels = Readonly<Record<string, string>>;
/** Tells whether a Job with these labels is there, now. */
export type HasJobs = (labels: Labels) => Promise<boolean>;

/**
 * The values of the environment, which nobody sees who may only look at Jobs and Pods. One for all replicas of one content, since the
 * name says what is in it; null when there are none.
 */
export function secretFor(spec: WorkloadSpec, installationId: string): ClusterObject | null {
  if (Object.keys(spec.env).length === 0) return null;
  const metadata = { name: secretName(spec), labels: secretLabels(spec, installationId) };
  return { kind: 'Secret', metadata, immutable: true, stringData: { ...spec.env } };
}

/** The credential for the registry of the image, in the form that clusters pull with; null when there is none. */
function pullSecretFor(spec: WorkloadSpec, installationId: string): ClusterObject | null {
  if (!spec.registry) return null;
  const { username, password } = spec.registry;
  const metadata = { name: pullSecretName(spec, spec.registry), labels: secretLabels(spec, installationId) };
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  const config = JSON.stringify({ auths: { [pullPlace(spec.image, spec.registry)]: { username, password, auth } } });
  return { kind: 'Secret', metadata, immutable: true, type: 'kubernetes.io/dockerconfigjson', stringData: { '.dockerconfigjson': config } };
}

/**
 * For which images the machines use the credential. They compare texts, so the registry is spelled as in the image: with the port,
 * if it has one there.
 */
function pullPlace(image: string, { server }: RegistryCredential): string {
  const reference = parseImageReference(image);
  const path = parseRegistryServer(server)?.path ?? '';
  if (!reference) return server;
  const host = reference.port === null ? reference.host : `${reference.host}:${String(reference.port)}`;
  return path === '' ? host : `${host}/${path}`;
}

const secretLabels = (spec: WorkloadSpec, installationId: string): Record<string, string> => ({
  ...tenantOf(spec),
  [LABEL.installation]: installationId,
  [LABEL.deployment]: spec.deploymentId,
  [LABEL.content]: contentOf(spec),
});

/** Replicas of one tenant reach each other, and nobody else reaches them unless another policy says so. */
export function tenantPolicy(spec: Pick<WorkloadSpec, 'ownerId'>, installationId: string): ClusterObject {
  const labels = { ...tenantOf(spec), [LABEL.installation]: installationId };
  const podSelector = { matchLabels: labels };
  return {
    kind: 'NetworkPolicy',
    metadata: { name: `fog-owner-${spec.ownerId}`, labels },
    spec: { podSelector, policyTypes: ['Ingress'], ingress: [{ from: [{ podSelector }] }] },
  };
}

/** What the replica uses together with others. */
export const sharedOf = (spec: WorkloadSpec, installationId: string): ClusterObject[] => {
  const secrets = [secretFor(spec, installationId), pullSecretFor(spec, installationId)];
  return [tenantPolicy(spec, installationId), ...secrets.filter((secret) => secret !== null)];
};

/**
 * Makes sure that shared objects are there and stay. Call it before the Job of a replica is made, which needs them, and after: what
 * others were about to remove when they had not seen the Job yet is kept or made anew. `unlessSeen`: what was there a moment ago is not
 * looked for, which is enough before.
 */
export async function keepShared(cluster: ClusterObjects, wanted: readonly ClusterObject[], { unlessSeen = false } = {}): Promise<void> {
  const unseen = unlessSeen ? wanted.filter((object) => !cluster.wasSeen(object)) : wanted;
  await Promise.all(
    unseen.map(async (object) => {
      await keep(cluster, object);
      cluster.noteSeen(object);
    }),
  );
}

async function keep(cluster: ClusterObjects, wanted: ClusterObject): Promise<void> {
  const { kind, metadata, spec } = wanted;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const found = await cluster.read(kind, metadata.name);
    if (found === null) {
      if ((await cluster.create(wanted)) !== null) return;
      continue;
    }
    if (!isOurs(found, wanted)) {
      throw new DriverError('unfit', `The cluster has a ${kind} named ${metadata.name} that does not belong to this installation`);
    }
    if (!isMadeAs(found.metadata.labels, metadata.labels)) {
      if ((await cluster.mark({ ...found, kind }, { labels: metadata.labels ?? {} })) !== null) return;
    } else if (isMadeAs(found.spec, spec)) {
      if (found.metadata.annotations?.[GOING] === undefined) return;
      if ((await cluster.mark({ ...found, kind }, { annotations: { [GOING]: null } })) !== null) return;
    } else if ((await cluster.replace({ ...found, kind }, wanted)) !== null) return;
  }
  throw new DriverError('timeout', `The ${kind} of the replica was changed by others again and again`);
}

/** Labels may have been changed by hand; whose an object is its policy tells, too, by the Pods that it is for. */
function isOurs({ metadata, spec }: ClusterObject, wanted: ClusterObject): boolean {
  const { [LABEL.installation]: ours } = wanted.metadata.labels ?? {};
  const selected = (spec as { podSelector?: { matchLabels?: Labels } } | undefined)?.podSelector?.matchLabels?.[LABEL.installation];
  return [metadata.labels?.[LABEL.installation], selected].includes(ours);
}

interface KeptPolicies {
  readonly installationId: string;
  readonly owners: Iterable<string>;
  readonly hasJobs: HasJobs;
  readonly sure: MakeSure;
}

/**
 * Puts back the policies of tenants that somebody has removed or changed. `owners`: those whose Pods were just seen. One whose Jobs are gone
 * gets none, as where a machine has died and its Pods stay; one whose last Job goes meanwhile has its policy released again.
 */
export async function keepPolicies(cluster: ClusterObjects, { installationId, owners, hasJobs, sure }: KeptPolicies): Promise<void> {
  const there = await cluster.list('NetworkPolicy', `${selectorOf({ installationId })},!${LABEL.node}`);
  for (const ownerId of owners) {
    const wanted = tenantPolicy({ ownerId }, installationId);
    const { name, labels } = wanted.metadata;
    const found = there.find(({ metadata }) => metadata.name === name);
    if (found !== undefined && isMadeAs(found.metadata.labels, labels) && isMadeAs(found.spec, wanted.spec)) continue;
    if (found === undefined && !(await hasJobs(usersOf(wanted)))) continue;
    await sure();
    await keep(cluster, wanted);
    if (await hasJobs(usersOf(wanted))) continue;
    const made = await cluster.read('NetworkPolicy', name);
    if (made !== null) await releaseShared(cluster, [{ ...made, kind: 'NetworkPolicy' }], hasJobs);
  }
}

/**
 * Removes shared objects that no Job uses any more. Each is marked first, then Jobs are looked for, and it goes only if nobody has
 * taken the mark away meanwhile: whoever makes a Job looks at the marks after that. So one of the two sees the other.
 */
export async function releaseShared(cluster: ClusterObjects, objects: readonly ClusterObject[], hasJobs: HasJobs): Promise<void> {
  for (const object of objects) {
    if (await hasJobs(usersOf(object))) continue;
    const marked = await cluster.mark(object, { annotations: { [GOING]: new Date().toISOString() } });
    if (marked === null) continue;
    if (await hasJobs(usersOf(object))) await cluster.mark({ ...marked, kind: object.kind }, { annotations: { [GOING]: null } });
    else await cluster.remove({ ...marked, kind: object.kind });
  }
}

/** The shared objects of a replica that has gone, by the labels of its Job or its Pod, the ones that fewest share first. */
export async function releaseAfter(cluster: ClusterObjects, labels: Readonly<Record<string, string>>, hasJobs: HasJobs): Promise<void> {
  const { [LABEL.installation]: installationId = '', [LABEL.deployment]: deploymentId = '', [LABEL.content]: content } = labels;
  const { [LABEL.owner]: ownerId = '' } = labels;
  const secret =
    content === undefined ? null : { [LABEL.installation]: installationId, [LABEL.deployment]: deploymentId, [LABEL.content]: content };
  // Whoever has the same content is of the same tenant, so nothing is to be released then.
  if (secret && (await hasJobs(secret))) return;
  if (secret) await releaseShared(cluster, await cluster.list('Secret', textOf(secret)), hasJobs);
  const tenant = { [LABEL.installation]: installationId, ...tenantOf({ ownerId }) };
  if (await hasJobs(tenant)) return;
  const policies = await cluster.list('NetworkPolicy', textOf(tenant));
  await releaseShared(cluster, policies.filter(isShared), hasJobs);
}

/**
 * Every shared object of the installation that has outlived its users, such as when a process ended between two removals. `users`:
 * the labels of all Jobs of the installation, so that what is used costs no question of its own.
 */
export async function releaseUnused(
  cluster: ClusterObjects,
  { installationId, users, hasJobs }: { readonly installationId: string; readonly users: readonly Labels[]; readonly hasJobs: HasJobs },
): Promise<void> {
  const selector = selectorOf({ installationId });
  const [secrets, policies] = await Promise.all([cluster.list('Secret', selector), cluster.list('NetworkPolicy', selector)]);
  const isUsed = (object: ClusterObject): boolean => {
    const wanted = Object.entries(usersOf(object));
    return users.some((labels) => wanted.every(([key, value]) => labels[key] === value));
  };
  const unused = [...secrets, ...policies].filter((object) => isShared(object) && !isUsed(object));
  await releaseShared(cluster, unused, hasJobs);
}

/** Entrances are of a node, and are kept elsewhere. */
const isShared = ({ metadata }: ClusterObject): boolean => metadata.labels?.[LABEL.node] === undefined;

const IDENTITY: readonly string[] = [LABEL.installation, LABEL.owner, LABEL.deployment, LABEL.content, LABEL.replica];

/** The labels of the Jobs that use an object are its own. */
const usersOf = ({ metadata }: ClusterObject): Record<string, string> =>
  Object.fromEntries(Object.entries(metadata.labels ?? {}).filter(([key]) => IDENTITY.includes(key)));

const textOf = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
