import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';
import { mayGet, namespaceTrouble, RIGHTS, rightsTrouble } from './rights';

interface Role {
  readonly kind: string;
  readonly rules: readonly { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

describe('the rights of an account', () => {
  const role = loadAll(readFileSync('deploy/kubernetes/namespace-and-role.yaml', 'utf8')).find(
    (each) => (each as Role).kind === 'Role',
  ) as Role;

  it('are those of the role that is delivered, no more and no less', () => {
    const delivered = role.rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.map((resource) => ({ group, resource, verbs }))),
    );
    expect(delivered).toEqual(RIGHTS);
    expect(rightsTrouble(role.rules, 'apps')).toBeNull();
  });

  it('are named when they are missing', () => {
    const rules = role.rules.map((rule) =>
      rule.resources[0] === 'secrets'
        ? { ...rule, verbs: ['list'] }
        : rule.resources[0] === 'pods'
          ? { ...rule, resourceNames: ['one'] }
          : rule,
    );
    expect(rightsTrouble(rules, 'apps')).toBe(
      'The account lacks rights in namespace apps: list, watch, patch, delete pods; create, get, patch, delete secrets; get pods.metrics.k8s.io',
    );
    expect(rightsTrouble([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], 'apps')).toBeNull();
  });

  it('are worth nothing in a namespace that is missing or ends', () => {
    expect(namespaceTrouble('missing', 'apps')).toMatch(/^There is no namespace apps in the cluster/);
    expect(namespaceTrouble('ending', 'apps')).toMatch(/^The namespace apps is being removed/);
    expect(mayGet([{ apiGroups: [''], resources: ['namespaces'], resourceNames: ['kube-system'], verbs: ['get'] }], 'namespaces')).toBe(
      false,
    );
    expect(mayGet([{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }], 'namespaces')).toBe(true);
    for (const state of ['there', null] as const) expect(namespaceTrouble(state, 'apps')).toBeNull();
  });

  it('are none at all where there is no such namespace, or no role in it', () => {
    const everybodys = { apiGroups: ['authorization.k8s.io'], resources: ['selfsubjectrulesreviews'], verbs: ['create'] };
    expect(rightsTrouble([everybodys], 'apps')).toMatch(/^The account has no rights in namespace apps: is there such a namespace/);
  });
});
