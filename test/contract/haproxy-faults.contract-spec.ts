import { Agent, createServer, get, type Server } from 'node:http';
import { createServer as createSocket, type AddressInfo, type Socket } from 'node:net';
import { askHaproxy } from '../../src/routing/haproxy/command-socket';
import type { HaproxyBalancer } from '../../src/routing/haproxy/haproxy.balancer';
import type { RouteTable } from '../../src/routing/route-table';
import { describeWithHaproxy, HaproxyUnderTest } from '../support/haproxy';
import { until } from '../support/until';

describeWithHaproxy('HAProxy in trouble', () => {
  let haproxy: HaproxyUnderTest;
  let balancer: HaproxyBalancer;
  let replica: Server;
  let held: Promise<void>;

  beforeEach(async () => {
    held = Promise.resolve();
    replica = createServer((_request, response) => void held.then(() => response.end('here')));
    await new Promise<void>((resolve) => replica.listen(0, '127.0.0.1', resolve));
    haproxy = await HaproxyUnderTest.prepare();
    balancer = haproxy.balancer();
    await balancer.apply([]).catch(() => undefined);
    await haproxy.start();
  });
  afterEach(async () => {
    await haproxy.close();
    replica.closeAllConnections();
    await new Promise((resolve) => replica.close(resolve));
  });

  const aTable = (deploymentId: string, version = 1, over: Partial<RouteTable> = {}): RouteTable => ({
    ...{ deploymentId, version, routes: [{ host: `${deploymentId}.example`, pathPrefix: '/', port: 80 }] },
    backends: [{ replicaId: `replica-${deploymentId}`, ports: { 80: `127.0.0.1:${(replica.address() as AddressInfo).port}` } }],
    leaving: [],
    ...over,
  });
  const ask = (host: string, agent: Agent | false = false): Promise<number> =>
    new Promise((resolve, reject) => {
      get({ port: haproxy.port, host: '127.0.0.1', headers: { host }, agent }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      }).once('error', reject);
    });
  const served = async (): Promise<string[]> => [...(await balancer.live()).versions.keys()].sort();
  const byHand = (line: string): Promise<string> => askHaproxy(`${haproxy.folder}/admin.sock`, line);

  it('comes back from a restart with what the files have, changes of meanwhile included', async () => {
    await balancer.apply([aTable('a'), aTable('b')]);
    await haproxy.kill();
    await expect(balancer.apply([aTable('b', 2, { routes: [] }), aTable('c')])).rejects.toThrow('cannot be reached');
    await expect(balancer.live()).rejects.toThrow('cannot be reached');
    await haproxy.start();
    expect([await ask('a.example'), await ask('b.example'), await ask('c.example')]).toEqual([200, 404, 200]);
    expect(await served()).toEqual(['a', 'b', 'c']);
  });

  it('is led by a program that has started anew, which changes nothing that is right', async () => {
    await balancer.apply([aTable('a'), aTable('b')]);
    const before = await byHand(`show map ${haproxy.folder}/records.map`);
    balancer = haproxy.balancer();
    await balancer.apply([aTable('b', 3), aTable('a', 1)]);
    expect(await byHand(`show map ${haproxy.folder}/records.map`)).toBe(before);
    expect([await ask('a.example'), await ask('b.example')]).toEqual([200, 200]);
  });

  it('shows what was changed by hand as not live, and is repaired by the next comparison', async () => {
    const changes = [
      'set server fog_slot_0001/replica-a state maint',
      'set server fog_slot_0001/replica-a addr 127.0.0.1 port 1',
      'set server fog_slot_0001/replica-a weight 0',
      'add server fog_slot_0001/stranger 127.0.0.1:1;set server fog_slot_0001/stranger state ready',
      `del map ${haproxy.folder}/routes.map a.example/`,
      `set map ${haproxy.folder}/routes.map a.example/ fog_slot_0007`,
      `add map ${haproxy.folder}/routes.map stranger.example/ fog_slot_0001`,
      `set map ${haproxy.folder}/records.map fog_slot_0001 b:80`,
      `clear map ${haproxy.folder}/routes.map;clear map ${haproxy.folder}/records.map`,
    ];
    await balancer.apply([aTable('a')]);
    for (const change of changes) {
      await byHand(change);
      expect([change, await served()]).toEqual([change, []]);
      await balancer.apply([]);
      // What was moved to another backend leaves the first one with this, and the next comparison finds nothing.
      expect([change, await served()]).toEqual([change, ['a']]);
      expect([change, await ask('a.example'), await ask('stranger.example')]).toEqual([change, 200, 404]);
    }
  });

  it('is given up in words when its socket says nothing, or leads to a program that runs something else', async () => {
    const path = `${haproxy.folder}/silent.sock`;
    const callers: Socket[] = [];
    const silent = createSocket({ allowHalfOpen: true }, (socket) => callers.push(socket.on('error', () => undefined).resume()));
    await new Promise<void>((resolve) => silent.listen(path, resolve));
    balancer = haproxy.balancer({ socket: path });
    await expect(balancer.apply([aTable('a')])).rejects.toThrow('does not answer');
    for (const caller of callers) caller.destroy();
    await new Promise((resolve) => silent.close(resolve));
    balancer = haproxy.balancer({ folder: `${haproxy.folder}/other` });
    await expect(balancer.apply([aTable('a')])).rejects.toThrow('does not run the configuration of this program');
  });

  it('gets more backends by a reload, which loses nothing, and tells of requests that an old process still answers', async () => {
    const many = Array.from({ length: 8 }, (_, index) => aTable(`many-${String(index)}`));
    await balancer.apply(many);
    const open = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await ask('many-1.example', open)).toBe(200);
    let release = (): void => undefined;
    held = new Promise((resolve) => (release = resolve));
    const slow = ask('many-0.example');
    await until(() => new Promise((resolve) => replica.getConnections((_error, count) => resolve(count > 0))));
    await expect(balancer.apply([aTable('more')])).rejects.toThrow('with its next reload');
    await until(async () => (await served()).includes('more'), { what: 'the reload' });
    await balancer.apply([aTable('many-0', 2, { backends: [] })]);
    expect((await balancer.live()).busy).toEqual(['replica-many-0']);
    release();
    expect(await slow).toBe(200);
    // A connection of before brings its next request to the old process, which then closes it.
    expect(await ask('many-1.example', open)).toBe(200);
    open.destroy();
    await until(async () => (await balancer.live()).busy.length === 0, { what: 'nothing to be under way' });
    expect([await ask('more.example'), await ask('many-0.example')]).toEqual([200, 503]);
  });

  it('takes paths with every sign that paths may have', async () => {
    const pathPrefix = "/a;b!$&'()*+,=:@~_.-";
    await balancer.apply([aTable('a', 1, { routes: [{ host: 'a.example', pathPrefix, port: 80 }] })]);
    expect(await served()).toEqual(['a']);
    await balancer.apply([aTable('a', 2)]);
    expect([await served(), await ask('a.example')]).toEqual([['a'], 200]);
  });
});
