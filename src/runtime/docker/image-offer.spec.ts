import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
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
    offersImage(engines.clientFor(LOCAL_TARGET), image, signal);

  it.each([
    ['is on the node', { '/images/reg.example:5000/a/b:1/json': 200 }, true],
    ['is in its registry', { '/distribution/reg.example:5000/a/b:1/json': 200 }, true],
    ['is in neither', {}, false],
  ])('says that the image %s', async (_where, known: Record<string, number>, expected) => {
    server.on('request', ({ url = '' }, response) => response.writeHead(known[url] ?? 404).end('{"message":"No such image"}'));
    expect(await offers('reg.example:5000/a/b:1')).toBe(expected);
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
