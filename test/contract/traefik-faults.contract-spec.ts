import { createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { RouteTable } from '../../src/routing/route-table';
import { TraefikApi } from '../../src/routing/traefik/traefik-api';
import { TraefikBalancer } from '../../src/routing/traefik/traefik.balancer';
import { describeWithTraefik, LedTraefik } from '../support/traefik';
import { until } from '../support/until';

const aTable = (deploymentId: string, version: number, over: Partial<RouteTable> = {}): RouteTable => ({
  ...{ deploymentId, version, routes: [{ host: `${deploymentId}.example`, pathPrefix: '/', port: 80 }] },
  ...{ backends: [], leaving: [], ...over },
});

describeWithTraefik('Traefik in trouble', () => {
  let led: LedTraefik;
  let replica: Server;
  beforeEach(async () => {
    replica = createServer((_request, response) => response.end('here'));
    await new Promise<void>((resolve) => replica.listen(0, '127.0.0.1', resolve));
    led = await LedTraefik.start();
  });
  afterEach(async () => {
    await led?.close();
    replica.closeAllConnections();
    await new Promise((resolve) => replica.close(resolve));
  });

  const reached = (deploymentId: string, version: number): RouteTable =>
    aTable(deploymentId, version, {
      backends: [{ replicaId: 'one', ports: { 80: `127.0.0.1:${(replica.address() as AddressInfo).port}` } }],
    });
  const ask = (host: string): Promise<number> =>
    new Promise((resolve, reject) => {
      get({ port: led.traefik.port, host: '127.0.0.1', headers: { host }, agent: false }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      }).once('error', reject);
    });
  const isLive = async (deploymentId: string, version: number): Promise<boolean> =>
    (await led.balancer.live().catch(() => null))?.versions.get(deploymentId) === version;

  it('goes on with what it has while nobody tells it anything for certain, and takes what it is told then', async () => {
    await led.balancer.apply([reached('a', 1)]);
    await until(() => isLive('a', 1), { what: 'the route' });
    led.balancer.forget();
    expect(() => led.balancer.fetch()).toThrow('not read yet');
    expect(await ask('a.example')).toBe(200);
    await led.balancer.apply([aTable('a', 2, { routes: [] }), reached('b', 1)]);
    await until(async () => (await isLive('a', 2)) && (await isLive('b', 1)), { what: 'the new routes' });
    expect([await ask('a.example'), await ask('b.example')]).toEqual([404, 200]);
  });

  it('is known to serve the right thing by a program that has started anew, before it asks that', async () => {
    await led.balancer.apply([reached('a', 1)]);
    await until(() => isLive('a', 1), { what: 'the route' });
    const other = new TraefikBalancer({ api: new TraefikApi(led.traefik.apiUrl), drainMs: 0 }, () => undefined);
    await other.apply([reached('a', 1)]);
    expect((await other.live()).versions.get('a')).toBe(1);
    await other.apply([aTable('a', 2)]);
    await expect(other.live()).rejects.toThrow('routes of before');
  });

  it('is not taken at its word for a route that it has switched off', async () => {
    await led.balancer.apply([reached('a', 1), aTable('broken', 1, { routes: [{ host: 'b.example', pathPrefix: '/`', port: 80 }] })]);
    await until(() => isLive('a', 1), { what: 'the right route' });
    expect((await led.balancer.live()).versions.has('broken')).toBe(false);
  });

  it('is given up in words when it cannot be asked, or when something else answers there', async () => {
    const at = (url: string): Promise<unknown> => new TraefikApi(url).show();
    await expect(at('http://127.0.0.1:1')).rejects.toThrow(/^Traefik cannot be asked at TRAEFIK_API_URL: .*ECONNREFUSED/);
    await expect(at(`http://127.0.0.1:${led.traefik.port}`)).rejects.toThrow('TRAEFIK_API_URL answers 404');
    await expect(at(`http://127.0.0.1:${(replica.address() as AddressInfo).port}`)).rejects.toThrow('does not answer as the API');
  });
});

describe('Traefik whose API is not configured', () => {
  it('counts as serving what it has fetched once it has had time to take it', async () => {
    const balancer = new TraefikBalancer({ api: null, drainMs: 0 }, () => undefined);
    await balancer.apply([aTable('a', 1)]);
    await expect(balancer.live()).rejects.toThrow('has not asked');
    balancer.fetch();
    await expect(balancer.live()).rejects.toThrow('just now');
    await until(async () => (await balancer.live().catch(() => null))?.versions.get('a') === 1, { what: 'the time to be over' });
    await balancer.apply([aTable('a', 2, { routes: [], leaving: ['one'] })]);
    balancer.fetch();
    expect((await balancer.live()).versions.get('a')).toBe(1);
    await balancer.apply([aTable('a', 3)]);
    balancer.fetch();
    // The same text as before the change, fetched anew: what came between may be what it still has.
    expect((await balancer.live()).versions.get('a')).not.toBe(3);
  });
});
