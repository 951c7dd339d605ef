import type { V1ResourceRule } from '@kubernetes/client-node';

interface Right {
  readonly group: string;
  readonly resource: string;
  readonly verbs: readonly string[];
}

/** What the account of a node needs in its namespace: the rules of the Role in deploy/kubernetes/namespace-and-role.yaml. */
export const RIGHTS: readonly Right[] = [
  { group: 'batch', resource: 'jobs', verbs: ['create', 'get', 'list', 'watch', 'patch', 'delete'] },
  { group: '', resource: 'pods', verbs: ['list', 'watch', 'patch', 'delete'] },
  { group: '', resource: 'pods/log', verbs: ['get'] },
  { group: '', resource: 'secrets', verbs: ['create', 'get', 'list', 'patch', 'delete'] },
  { group: '', resource: 'persistentvolumeclaims', verbs: ['create', 'get', 'list', 'delete'] },
  { group: 'networking.k8s.io', resource: 'networkpolicies', verbs: ['create', 'get', 'list', 'update', 'patch', 'delete'] },
  { group: '', resource: 'services', verbs: ['create', 'list', 'update', 'delete'] },
  { group: 'discovery.k8s.io', resource: 'endpointslices', verbs: ['list'] },
  { group: 'networking.k8s.io', resource: 'ingresses', verbs: ['create', 'list', 'update', 'delete'] },
  { group: 'gateway.networking.k8s.io', resource: 'httproutes', verbs: ['create', 'list', 'update', 'delete'] },
  { group: 'policy', resource: 'poddisruptionbudgets', verbs: ['create', 'list', 'update', 'delete'] },
  { group: 'metrics.k8s.io', resource: 'pods', verbs: ['get'] },
  { group: '', resource: 'events', verbs: ['list'] },
];

/** `ending`: it is being removed, and takes nothing new. */
export type NamespaceState = 'there' | 'missing' | 'ending';

/** Why nothing can be made in a namespace, in words for administrators; null: nothing is known against it. */
export function namespaceTrouble(state: NamespaceState | null, namespace: string): string | null {
  if (state === 'missing') return `There is no namespace ${namespace} in the cluster: kubectl create namespace ${namespace}`;
  if (state === 'ending') return `The namespace ${namespace} is being removed from the cluster, and takes nothing new`;
  return null;
}

/** What is wrong with the rights of an account in its namespace, in words for administrators; null: it has all that it needs. */
export function rightsTrouble(rules: readonly V1ResourceRule[], namespace: string): string | null {
  const missing = missingRights(rules);
  if (missing.length === 0) return null;
  // The role goes with its namespace, and the rules of a namespace that does not exist can be asked for like those of any other.
  if (missing.join() === missingRights([]).join()) {
    return `The account has no rights in namespace ${namespace}: is there such a namespace, and was the role of deploy/kubernetes applied to it?`;
  }
  return `The account lacks rights in namespace ${namespace}: ${missing.join('; ')}`;
}

/** Whether all objects of a kind of the API without a group may be looked at. */
export const mayGet = (rules: readonly V1ResourceRule[], resource: string): boolean =>
  lackOf(rules, { group: '', resource, verbs: ['get'] }).length === 0;

/** The rights that these rules lack, such as `create secrets`, each kind of object by itself. */
function missingRights(rules: readonly V1ResourceRule[]): string[] {
  return RIGHTS.flatMap((right) => {
    const { group, resource } = right;
    const missing = lackOf(rules, right);
    return missing.length === 0 ? [] : [`${missing.join(', ')} ${group === '' ? resource : `${resource}.${group}`}`];
  });
}

/** The verbs that no rule for all objects of the kind gives. */
function lackOf(rules: readonly V1ResourceRule[], { group, resource, verbs }: Right): readonly string[] {
  const covers = (list: readonly string[] | undefined, wanted: string): boolean =>
    list?.some((each) => each === '*' || each === wanted) === true;
  const own = rules.filter(
    (rule) => covers(rule.apiGroups, group) && covers(rule.resources, resource) && (rule.resourceNames ?? []).length === 0,
  );
  return verbs.filter((verb) => !own.some((rule) => covers(rule.verbs, verb)));
}
