import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { AllowedRegistries } from '../allowed-registries';
import { DockerEngines } from './docker-engines';
import { offersImage } from './image-offer';
import { LOCAL_TARGET } from './local-engine';

describe('offersImage', () => {
  let server: Server;
  let engines: DockerEngines;
  beforeEach(async () => {
    server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    engines = new DockerEngines({ dockerHost: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` });
  });
  afterEach(() => {
    engines.close();
    server.closeAllConnections();
    server.close();
  });

  const offers = (image: string, signal = new AbortController().signal): Promise<boolean> =>
    offersImage(engines.clientFor(LOCAL_TARGET), { image }, { signal, registries: new AllowedRegistries('docker.io,reg.example:5000') });

  it.each([
    ['is on the node', { '/images/reg.example:5000/a/b:1/json': 200 }, true],
    ['is in its registry', { '/distribution/reg.example:5000/a/b:1/json': 200 }, true],
    ['is in neither', {}, false],
  ])('says that the image %s', async (_where, known: Record<string, number>, expected) => {
    server.on('request', ({ url = '' }, response) => response.writeHead(known[url] ?? 404).end('{"message":"No such image"}'));
    expect(await offers('reg.example:5000/a/b:1')).toBe(expected);
  });

  /** What Docker 20.10 answers for a registry (seen), or another engine. */
  const whenRegistry = (statusCode: number, message: string): Promise<boolean> => {
    server.removeAllListeners('request');
    server.on('request', ({ url = '' }, response) => {
      const [code, said] = url.startsWith('/images') ? [404, 'No such image: x'] : [statusCode, message];
      response.writeHead(code, { 'Content-Type': 'application/json' }).end(JSON.stringify({ message: said }));
    });
    return offers('nginx:1');
  };

  it.each([
    [404, 'manifest unknown'],
    [404, 'name unknown'],
    [403, 'denied'],
    [403, 'pull access denied, repository does not exist or may require authorization'],
    [500, 'Head "http://127.0.0.1:5000/v2/a/b/manifests/1": unauthorized'],
  ])('takes it for a no that the registry said: %i %s', async (statusCode, message) => {
    expect(await whenRegistry(statusCode, message)).toBe(false);
  });

  it.each([
    [429, 'toomanyrequests: You have reached your pull rate limit'],
    [500, 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'],
    [500, 'Get "https://nope.invalid/v2/": dial tcp: lookup nope.invalid on 10.0.0.2:53: no such host'],
    [500, 'received unexpected HTTP status: 503 Service Unavailable'],
    [500, `error parsing HTTP 404 response body: invalid character '<'`],
    [503, 'service unavailable'],
    [404, 'page not found'],
  ])('takes it for no answer that the registry could not be asked: %i %s', async (statusCode, message) => {
    await expect(whenRegistry(statusCode, message)).rejects.toBeInstanceOf(Error);
  });

  it('does not ask a registry that is not allowed', async () => {
    const asked: string[] = [];
    server.on('request', ({ url = '' }, response) => {
      asked.push(url);
      response.writeHead(404).end('{"message":"No such image"}');
    });
    expect(await offers('10.0.0.7:5000/a/b:1')).toBe(false);
    expect(asked).toEqual(['/images/10.0.0.7:5000/a/b:1/json']);
  });

  it('leaves no connection to an engine that hangs: each would last as long as the engine does', async () => {
    const stop = new AbortController();
    const asked = once(server, 'request');
    const answer = offers('nginx:1', stop.signal);
    const [{ socket }] = (await asked) as [{ socket: NodeJS.EventEmitter }];
    const closed = once(socket, 'close');
    stop.abort();
    await expect(answer).rejects.toMatchObject({ failure: 'aborted' });
    await closed;
  });
});
