import type { RouteTable } from '../route-table';
import { TraefikDocument } from './document';

const aTable = (deploymentId: string, version: number, over: Partial<RouteTable> = {}): RouteTable => ({
  deploymentId,
  version,
  routes: [{ host: `${deploymentId}.example`, pathPrefix: '/', port: 80 }],
  backends: [{ replicaId: 'one', ports: { 80: '10.0.0.1:32768' } }],
  leaving: [],
  ...over,
});

interface Shown {
  http: {
    routers: Record<string, { rule: string; priority: number; service: string; middlewares: string[] }>;
    services: Record<string, { loadBalancer: { servers: { url: string }[] } }>;
    middlewares: Record<string, unknown>;
  };
}
const shown = (document: TraefikDocument): Shown => JSON.parse(document.rendering().body.toString()) as Shown;

describe('the configuration for Traefik', () => {
  it('has a router for each route and a service for each port, the longest path first', () => {
    const document = new TraefikDocument();
    const routes = [
      { host: 'x.example', pathPrefix: '/', port: 80 },
      { host: 'x.example', pathPrefix: '/api', port: 80 },
    ];
    document.apply([aTable('a', 1, { routes })]);
    const { routers, services } = shown(document).http;
    expect(routers['fog-a-0']).toMatchObject({ rule: 'Host(`x.example`)', service: 'fog-a-80' });
    expect(routers['fog-a-1']).toMatchObject({ rule: 'Host(`x.example`) && (Path(`/api`) || PathPrefix(`/api/`))', service: 'fog-a-80' });
    expect(routers['fog-a-1']!.priority).toBeGreaterThan(routers['fog-a-0']!.priority);
    expect(services).toEqual({
      'fog-a-80': { loadBalancer: { servers: [{ url: 'http://10.0.0.1:32768' }], serversTransport: 'fog-transport' } },
    });
  });

  it('keeps the routes of what has no replica to answer, simulated ones included', () => {
    const document = new TraefikDocument();
    document.apply([aTable('a', 1, { backends: [] }), aTable('b', 1, { backends: [{ replicaId: 'two', ports: { 80: 'simulated' } }] })]);
    const { routers, services } = shown(document).http;
    expect(Object.values(services).map(({ loadBalancer }) => loadBalancer.servers)).toEqual([[], []]);
    expect(routers['fog-a-0']!.middlewares).toContain('fog-waiting');
  });

  it('says the same whatever the order in which it was told, and never goes back to an older table', () => {
    const [one, two] = [new TraefikDocument(), new TraefikDocument()];
    one.apply([aTable('a', 1), aTable('b', 2)]);
    two.apply([aTable('b', 2), aTable('a', 1), aTable('b', 1, { routes: [] })]);
    expect(two.rendering().body.equals(one.rendering().body)).toBe(true);
    expect(Object.keys(shown(one).http.middlewares)).toContain(`fog-rendering-${one.rendering().digest}`);
    one.apply([aTable('b', 3, { routes: [] })]);
    expect(Object.keys(shown(one).http.routers)).toEqual(['fog-a-0']);
    expect(one.rendering().digest).not.toBe(two.rendering().digest);
    expect(one.rendering().versions).toEqual(
      new Map([
        ['a', 1],
        ['b', 3],
      ]),
    );
  });

  it('is the same text, not made again, while nothing changes', () => {
    const document = new TraefikDocument();
    document.apply([aTable('a', 1)]);
    const before = document.rendering();
    document.apply([aTable('a', 1)]);
    expect(document.rendering()).toBe(before);
  });
});
