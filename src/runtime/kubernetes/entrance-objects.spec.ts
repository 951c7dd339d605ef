import type { Entrance } from '../entrances';
import { entranceObjects, type EntrancePlace } from './entrance-objects';
import { isMadeAs } from './made-as';

const access = { kubeconfig: null, namespace: 'fog', nodeSelector: {}, ingressClass: null, gateway: null };
const place: EntrancePlace = {
  installationId: 'i1',
  nodeId: '12345678-0000-4000-8000-000000000000',
  access,
  routerNetworks: ['10.0.0.0/8'],
};
const entrance: Entrance = {
  deploymentId: 'd1',
  ownerId: 'o1',
  ports: [80, 443],
  members: ['r1'],
  keep: 2,
  routes: [
    { host: 'a.example', pathPrefix: '/', port: 80 },
    { host: 'b.example', pathPrefix: '/api', port: 443 },
    { host: 'a.example', pathPrefix: '/x', port: 443 },
  ],
};
const made = (kind: string, over: Partial<Entrance> = {}, of: Partial<EntrancePlace> = {}) =>
  entranceObjects({ ...entrance, ...over }, { ...place, ...of }).filter((object) => object.kind === kind);

describe('what a cluster has for a deployment', () => {
  it('is nothing where there are neither ports nor several replicas', () => {
    expect(entranceObjects({ ...entrance, ports: [], routes: [], keep: 0 }, place)).toEqual([]);
  });

  it('is a Service that leads to the replicas that answer, on this node', () => {
    expect(made('Service')[0]).toMatchObject({
      metadata: { name: 'fog-d1-12345678' },
      spec: {
        selector: { 'fog-compute/deployment': 'd1', 'fog-compute/node': place.nodeId, 'fog-compute/serves': 'true' },
        ports: [{ port: 80 }, { port: 443 }],
      },
    });
  });

  it('lets routers in to the ports of routes, and of the namespace only those that are marked', () => {
    const [policy] = made('NetworkPolicy');
    expect(policy?.spec).toMatchObject({
      ingress: [
        {
          from: [
            { namespaceSelector: { matchExpressions: [{ operator: 'NotIn', values: ['fog'] }] } },
            { podSelector: { matchLabels: { 'fog-compute/router': 'true' } } },
            { ipBlock: { cidr: '10.0.0.0/8' } },
          ],
          ports: [{ port: 80 }, { port: 443 }],
        },
      ],
    });
    expect(JSON.stringify(made('NetworkPolicy', {}, { routerNetworks: [] }))).not.toContain('ipBlock');
    expect(made('NetworkPolicy', { routes: [] })).toEqual([]);
  });

  it('is one Ingress for all hosts, or an HTTPRoute for each', () => {
    expect(made('Ingress')).toEqual([]);
    const [ingress] = made('Ingress', {}, { access: { ...access, ingressClass: 'nginx' } });
    expect(ingress?.spec).toMatchObject({
      ingressClassName: 'nginx',
      rules: [{ host: 'a.example', http: { paths: [{ path: '/' }, { path: '/x' }] } }, { host: 'b.example' }],
    });
    const routes = made('HTTPRoute', {}, { access: { ...access, gateway: 'infra/public' } });
    expect(routes.map(({ spec }) => spec)).toMatchObject([{ hostnames: ['a.example'] }, { hostnames: ['b.example'] }]);
    expect(new Set(routes.map(({ metadata }) => metadata.name)).size).toBe(2);
  });
});

describe('isMadeAs', () => {
  it.each([
    [{ a: 1, added: 2 }, { a: 1 }, true],
    [{ a: 1 }, { a: 2 }, false],
    [{ list: [1] }, { list: [1, 2] }, false],
    [{ list: [{ a: 1, added: 1 }] }, { list: [{ a: 1 }] }, true],
    [{ selector: { a: 1, more: 2 } }, { selector: { a: 1 } }, false],
    [{ podSelector: { matchLabels: { a: 1, more: 2 } } }, { podSelector: { matchLabels: { a: 1 } } }, false],
    [undefined, { a: 1 }, false],
  ])('%j as %j: %s', (live, wanted, is) => expect(isMadeAs(live, wanted)).toBe(is));
});
