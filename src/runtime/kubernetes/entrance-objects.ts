import { createHash } from 'node:crypto';
import { entranceName } from '../../engines/cluster-entrance';
import type { Entrance } from '../entrances';
import type { ClusterAccess } from './cluster-access';
import type { ClusterObject, Kind } from './cluster-objects';
import { LABEL } from './labels';

/** Where entrances are made, and what they are like there. */
export interface EntrancePlace {
  readonly installationId: string;
  readonly nodeId: string;
  readonly access: ClusterAccess;
  /** From where routers outside of the cluster reach Pods. */
  readonly routerNetworks: readonly string[];
}

/** On a Pod that answers. Services lead to these Pods and no others. */
export const SERVES = 'fog-compute/serves';

/** On a Pod of the namespace itself that is a router, such as one of fog-compute. Whoever runs it there sets it; replicas never have it. */
const ROUTER = 'fog-compute/router';

/** The kinds of objects that entrances are made of. */
export const ENTRANCE_KINDS = [
  'Service',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'Ingress',
  'HTTPRoute',
] as const satisfies readonly Kind[];

/** Everything that a cluster is to have for one deployment. Pure. */
export function entranceObjects(entrance: Entrance, place: EntrancePlace): ClusterObject[] {
  const { ports, routes, keep } = entrance;
  const { ingressClass, gateway } = place.access;
  const isRouted = routes.length > 0;
  return [
    ...(ports.length > 0 ? [service(entrance, place)] : []),
    ...(isRouted ? [routerPolicy(entrance, place)] : []),
    ...(keep > 0 ? [budget(entrance, place)] : []),
    ...(isRouted && ingressClass !== null ? [ingress(entrance, place, ingressClass)] : []),
    ...(isRouted && gateway !== null ? httpRoutes(entrance, place, gateway) : []),
  ];
}

/** Its Pods, and the objects that are made for it, on one node. */
const ownLabels = ({ deploymentId }: Entrance, { installationId, nodeId }: EntrancePlace): Record<string, string> => ({
  [LABEL.installation]: installationId,
  [LABEL.node]: nodeId,
  [LABEL.deployment]: deploymentId,
});

const nameOf = ({ deploymentId }: Entrance, { nodeId }: EntrancePlace): string => entranceName(deploymentId, nodeId);

const meta = (entrance: Entrance, place: EntrancePlace, suffix = ''): ClusterObject['metadata'] => ({
  name: `${nameOf(entrance, place)}${suffix}`,
  labels: { ...ownLabels(entrance, place), [LABEL.owner]: entrance.ownerId },
});

function service(entrance: Entrance, place: EntrancePlace): ClusterObject {
  return {
    kind: 'Service',
    metadata: meta(entrance, place),
    spec: {
      type: 'ClusterIP',
      selector: { ...ownLabels(entrance, place), [SERVES]: 'true' },
      ports: entrance.ports.map((port) => ({ name: `tcp-${port}`, port, targetPort: port, protocol: 'TCP' })),
    },
  };
}

/**
 * Routers are Pods of other namespaces, such as those of an ingress controller, or Pods of this one that are marked as routers, or are
 * outside of the cluster in networks that somebody has named.
 */
function routerPolicy(entrance: Entrance, place: EntrancePlace): ClusterObject {
  const elsewhere = [{ key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: [place.access.namespace] }];
  const ports = [...new Set(entrance.routes.map(({ port }) => port))].sort((a, b) => a - b);
  return {
    kind: 'NetworkPolicy',
    metadata: meta(entrance, place),
    spec: {
      podSelector: { matchLabels: ownLabels(entrance, place) },
      policyTypes: ['Ingress'],
      ingress: [
        {
          from: [
            { namespaceSelector: { matchExpressions: elsewhere } },
            { podSelector: { matchLabels: { [ROUTER]: 'true' } } },
            ...place.routerNetworks.map((cidr) => ({ ipBlock: { cidr } })),
          ],
          ports: ports.map((port) => ({ port, protocol: 'TCP' })),
        },
      ],
    },
  };
}

/** A number, because of Pods that Jobs own a cluster can count nothing else. */
function budget(entrance: Entrance, place: EntrancePlace): ClusterObject {
  return {
    kind: 'PodDisruptionBudget',
    metadata: meta(entrance, place),
    spec: {
      minAvailable: entrance.keep,
      selector: { matchLabels: ownLabels(entrance, place) },
      // What does not serve may go at any time.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    },
  };
}

function ingress(entrance: Entrance, place: EntrancePlace, ingressClassName: string): ClusterObject {
  const backend = (port: number): object => ({ service: { name: nameOf(entrance, place), port: { number: port } } });
  return {
    kind: 'Ingress',
    metadata: meta(entrance, place),
    spec: {
      ingressClassName,
      rules: byHost(entrance).map(([host, routes]) => ({
        host,
        http: { paths: routes.map(({ pathPrefix: path, port }) => ({ path, pathType: 'Prefix', backend: backend(port) })) },
      })),
    },
  };
}

/** One for each host, because the paths of an HTTPRoute count for all of its hosts. */
function httpRoutes(entrance: Entrance, place: EntrancePlace, gateway: string): ClusterObject[] {
  const [namespace, name] = gateway.split('/');
  return byHost(entrance).map(([host, routes]) => ({
    kind: 'HTTPRoute',
    metadata: meta(entrance, place, `-${createHash('sha256').update(host).digest('hex').slice(0, 10)}`),
    spec: {
      parentRefs: [{ namespace, name }],
      hostnames: [host],
      rules: routes.map(({ pathPrefix, port }) => ({
        matches: [{ path: { type: 'PathPrefix', value: pathPrefix } }],
        backendRefs: [{ name: nameOf(entrance, place), port }],
      })),
    },
  }));
}

function byHost({ routes }: Entrance): [host: string, routes: Entrance['routes']][] {
  return [...new Set(routes.map(({ host }) => host))].map((host) => [host, routes.filter((route) => route.host === host)]);
}
