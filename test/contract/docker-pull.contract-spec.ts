import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeTarget } from '../../src/engines/node-target';
import { DockerDriver } from '../../src/runtime/docker/docker.driver';
import { DockerEngines } from '../../src/runtime/docker/docker-engines';
import { until } from '../support/until';
import { aSpec } from './runtime-under-test';

type Pull = (answer: ServerResponse) => void;

/** The part of an engine that a pull needs. It has no image until one has been pulled. */
class FakeEngine {
  readonly pulled: string[] = [];
  created = 0;
  started = 0;
  pull: Pull = (answer) => answer.end();
  hasImage = false;
  private readonly server: Server = createServer((question, answer) => {
    const url = new URL(question.url ?? '', 'http://engine');
    question.resume();
    const json = (status: number, body: unknown): void =>
      void answer.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === '/containers/json') return json(200, []);
    if (url.pathname === '/images/create') {
      this.pulled.push(url.searchParams.get('fromImage') ?? '');
      this.hasImage = true;
      return this.pull(answer);
    }
    if (url.pathname === '/containers/create') {
      if (!this.hasImage) return json(404, { message: 'No such image: x' });
      this.created++;
      return json(201, { Id: 'c'.repeat(64) });
    }
    this.started++;
    answer.writeHead(204).end();
  });

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return `tcp://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

const lines = (answer: ServerResponse, ...objects: object[]): void => {
  for (const object of objects) answer.write(`${JSON.stringify(object)}\r\n`);
};
const downloading = (id: string, current: number, total: number): object => ({
  status: 'Downloading',
  id,
  progressDetail: { current, total },
});

describe('pulling an image that the engine does not have', () => {
  let engine: FakeEngine;
  let node: NodeTarget;
  let words: string[];
  const engines = new DockerEngines({});
  const driver = new DockerDriver(engines, { installationId: randomUUID(), publishAddress: '127.0.0.1', pullTimeoutSeconds: 1 });

  beforeEach(async () => {
    engine = new FakeEngine();
    words = [];
    node = { id: randomUUID(), name: 'fake', runtime: 'docker', endpoint: await engine.listen() };
  });
  afterEach(() => {
    engine.close();
    engines.close();
  });

  const ensure = (image: string, signal = new AbortController().signal): Promise<void> =>
    driver.ensure(node, aSpec({ image }), { signal, onProgress: (progress) => words.push(progress) });
  const untilDownloading = (): Promise<unknown> => until(() => words.length > 1, { everyMs: 5, what: 'the first progress' });

  it('tells of its progress, then creates and starts the container', async () => {
    engine.pull = (answer) => {
      lines(answer, { status: 'Pulling from library/nginx', id: '1.27' }, downloading('a', 30_000_000, 70_000_000));
      lines(answer, downloading('b', 4_000_000, 10_000_000), { status: 'Download complete', id: 'a' });
      answer.end();
    };
    await ensure('nginx:1.27');
    expect(words).toEqual(['Pulling image nginx:1.27', 'Pulling image nginx:1.27: 30 of 70 MB']);
    expect([engine.created, engine.started]).toEqual([1, 1]);
  });

  it.each([
    ['nginx', 'nginx:latest'],
    ['nginx:1.27', 'nginx:1.27'],
    ['registry.example:5000/team/app', 'registry.example:5000/team/app:latest'],
    ['registry.example:5000/team/app:2', 'registry.example:5000/team/app:2'],
    [`app@sha256:${'a'.repeat(64)}`, `app@sha256:${'a'.repeat(64)}`],
  ])('asks for one tag of %s', async (image, asked) => {
    await ensure(image);
    expect(engine.pulled).toEqual([asked]);
  });

  it.each([
    ['manifest for nginx:x not found: manifest unknown', 'Image nginx:x was not found in its registry'],
    [
      'pull access denied for nginx, repository does not exist or may require docker login',
      'Image nginx:x was not found, or its registry asks for a login',
    ],
    [
      'Get "https://10.1.2.3/v2/": dial tcp: lookup secret.registry on 10.0.0.2:53',
      'Image nginx:x is not on the node, and its registry cannot be reached',
    ],
    ['toomanyrequests: You have reached your pull rate limit', 'The registry of image nginx:x limits pulls at the moment'],
    ['no matching manifest for linux/arm64/v8 in the manifest list', 'Image nginx:x has no variant for the processor of this node'],
    ['write /var/lib/docker/tmp/x: no space left on device', 'There is no space left on the node for image nginx:x'],
    ['something never seen at /var/lib', 'Image nginx:x could not be pulled'],
  ])('puts %j into words', async (text, message) => {
    const inStream: Pull = (answer) => {
      lines(answer, { error: text, errorDetail: { message: text } });
      answer.end();
    };
    const asAnswer: Pull = (answer) =>
      void answer.writeHead(500, { 'Content-Type': 'application/json' }).end(JSON.stringify({ message: text }));
    for (const pull of [inStream, asAnswer]) {
      Object.assign(engine, { pull, hasImage: false });
      await expect(ensure('nginx:x')).rejects.toMatchObject({ failure: 'image_unavailable', message });
    }
    expect(engine.created).toBe(0);
  });

  it('ends when its time is up', async () => {
    engine.pull = (answer) => lines(answer, downloading('a', 1, 70_000_000));
    await expect(ensure('nginx:1')).rejects.toMatchObject({ failure: 'timeout', message: 'Image nginx:1 could not be pulled within 1 s' });
    expect(engine.created).toBe(0);
  });

  it('ends with the abort, and nothing is created afterwards', async () => {
    const abort = new AbortController();
    engine.pull = (answer) => lines(answer, downloading('a', 1, 70_000_000));
    const ended = expect(ensure('nginx:1', abort.signal)).rejects.toMatchObject({ failure: 'aborted' });
    await untilDownloading();
    abort.abort();
    await ended;
    await sleep(200); // time for a container that must not come
    expect(engine.created).toBe(0);
  });

  it('does not take a broken stream for a finished one', async () => {
    let breakOff = (): void => undefined;
    engine.pull = (answer) => {
      lines(answer, downloading('a', 1, 70_000_000));
      breakOff = () => void answer.destroy();
    };
    const ended = expect(ensure('nginx:1')).rejects.toMatchObject({ name: 'DriverError', retryable: true });
    await untilDownloading();
    breakOff();
    await ended;
    expect(engine.created).toBe(0);
  });
});
