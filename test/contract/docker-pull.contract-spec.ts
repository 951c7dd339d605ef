import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import type { NodeTarget } from '../../src/engines/node-target';
import type { ImageRules } from '../../src/runtime/docker/images';
import { DockerDriver } from '../../src/runtime/docker/docker.driver';
import { AllowedRegistries } from '../../src/runtime/allowed-registries';
import { DockerEngines } from '../../src/runtime/docker/docker-engines';
import { markOf } from '../../src/runtime/docker/image-marks';
import { OwnPullTurns } from '../../src/runtime/docker/pull-turns';
import { until } from '../support/until';
import { aSpec } from './runtime-under-test';

type Pull = (answer: ServerResponse) => void;

/** The part of an engine that a start with a pull needs. It has no image until one has been pulled. */
class FakeEngine {
  readonly pulled: string[] = [];
  readonly marks: string[] = [];
  description: object = { Id: 'sha256:1', Size: 5_000_000 };
  created = 0;
  removed = 0;
  started = 0;
  pull: Pull = (answer) => answer.end();
  hasImage = false;
  private readonly server: Server = createServer((question, answer) => {
    const url = new URL(question.url ?? '', 'http://engine');
    question.resume();
    const json = (status: number, body: unknown): void =>
      void answer.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === '/containers/json') return json(200, []);
    if (url.pathname === '/info') return json(200, { ID: 'fake', ServerVersion: '20.10.24', NCPU: 4 });
    if (url.pathname === '/networks') return json(200, []);
    if (url.pathname === '/networks/create') return json(201, { Id: 'n'.repeat(64) });
    if (url.pathname === '/images/create') {
      this.pulled.push(url.searchParams.get('fromImage') ?? '');
      this.hasImage = true;
      return this.pull(answer);
    }
    if (url.pathname.startsWith('/images/') && question.method === 'GET') {
      return this.hasImage ? json(200, this.description) : json(404, { message: 'No such image: x' });
    }
    if (url.pathname.startsWith('/images/') && question.method === 'DELETE') {
      this.removed++;
      this.hasImage = false;
      return json(200, []);
    }
    if (url.pathname.endsWith('/tag')) {
      this.marks.push(`${url.searchParams.get('repo') ?? ''}:${url.searchParams.get('tag') ?? ''}`);
      return void answer.writeHead(201).end();
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
  const installationId = randomUUID();
  const images: ImageRules = {
    registries: new AllowedRegistries('docker.io,registry.example:5000'),
    turns: new OwnPullTurns({ total: 4, perOwner: 2 }),
    // Longer than a test may take: what ends in time was given up for want of progress.
    pullTimeoutSeconds: 600,
    pullStallSeconds: 1,
    maxImageMb: 100,
  };
  const driverWith = (over: Partial<ImageRules>): DockerDriver =>
    new DockerDriver(engines, {
      ...{ installationId, publishAddress: '127.0.0.1', images: { ...images, ...over }, imageKeepHours: 0 },
      ...{ extraCapabilities: [], openFiles: 4096 },
      networks: { pool: { cidr: '198.18.0.0/15', prefixLength: 24 }, outgoing: true },
    });
  const driver = driverWith({});
  const patient = driverWith({ pullStallSeconds: 600 });

  beforeEach(async () => {
    engine = new FakeEngine();
    words = [];
    node = { id: randomUUID(), name: 'fake', runtime: 'docker', endpoint: await engine.listen() };
  });
  afterEach(() => {
    engine.close();
    engines.close();
  });

  const ensure = (image: string, signal = new AbortController().signal, ownerId = 'one', by = driver): Promise<void> =>
    by.ensure(node, aSpec({ image, ownerId }), { signal, onProgress: (progress) => words.push(progress) });
  const untilDownloading = (): Promise<unknown> => until(() => words.length > 2, { everyMs: 5, what: 'the first progress' });
  /** Begins a pull, and calls it off while it downloads. */
  const callOff = async (): Promise<void> => {
    const abort = new AbortController();
    engine.pull = (answer) => lines(answer, downloading('a', 1, 70_000_000));
    const ended = expect(ensure('nginx:1', abort.signal, 'one', patient)).rejects.toMatchObject({ failure: 'aborted' });
    await untilDownloading();
    abort.abort();
    await ended;
  };

  it('tells of its progress, then creates and starts the container', async () => {
    engine.pull = (answer) => {
      lines(answer, { status: 'Pulling from library/nginx', id: '1.27' }, downloading('a', 30_000_000, 70_000_000));
      lines(answer, downloading('b', 4_000_000, 10_000_000), { status: 'Download complete', id: 'a' });
      answer.end();
    };
    await ensure('nginx:1.27');
    expect(words).toEqual(['Waiting to pull image nginx:1.27', 'Pulling image nginx:1.27', 'Pulling image nginx:1.27: 30 of 70 MB']);
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

  const FAILED = 'Image nginx:x could not be pulled: its registry does not offer it to this node, or could not be used';

  it.each([
    'manifest for nginx:x not found: manifest unknown',
    'pull access denied for nginx, repository does not exist or may require docker login',
    'Get "https://10.1.2.3/v2/": dial tcp: lookup secret.registry on 10.0.0.2:53',
    'Get "http://10.1.2.3:6379/v2/": dial tcp 10.1.2.3:6379: connect: connection refused',
    'Get "https://10.1.2.3/v2/": http: server gave HTTP response to HTTPS client',
    'toomanyrequests: You have reached your pull rate limit',
    'no matching manifest for linux/arm64/v8 in the manifest list',
    'write /var/lib/docker/tmp/x: no space left on device',
    'something never seen at /var/lib',
  ])('puts every failure into the same words: %s', async (text) => {
    const inStream: Pull = (answer) => {
      lines(answer, { error: text, errorDetail: { message: text } });
      answer.end();
    };
    const asAnswer: Pull = (answer) =>
      void answer.writeHead(500, { 'Content-Type': 'application/json' }).end(JSON.stringify({ message: text }));
    for (const pull of [inStream, asAnswer]) {
      Object.assign(engine, { pull, hasImage: false });
      await expect(ensure('nginx:x')).rejects.toMatchObject({ failure: 'image_unavailable', message: FAILED });
    }
    expect(engine.created).toBe(0);
  });

  describe('for administrators', () => {
    let logged: string[];
    beforeEach(() => {
      logged = [];
      jest.spyOn(Logger.prototype, 'warn').mockImplementation((message) => void logged.push(String(message)));
    });
    afterEach(() => jest.restoreAllMocks());
    const failing =
      (error: string): Pull =>
      (answer) => {
        lines(answer, { error });
        answer.end();
      };

    it('logs the true cause of a failure behind the words that the user reads, once, with the node', async () => {
      const cause = 'Get "https://10.1.2.3/v2/": dial tcp: lookup secret.registry on 10.0.0.2:53';
      engine.pull = failing(cause);
      await expect(ensure('nginx:x')).rejects.toMatchObject({ message: FAILED });
      expect(logged).toEqual([`Node fake: ${FAILED}: ${cause}`]);
      engine.pull = (answer) =>
        void answer.writeHead(500, { 'Content-Type': 'application/json' }).end(JSON.stringify({ message: 'no space left on device' }));
      engine.hasImage = false;
      await expect(ensure('nginx:x')).rejects.toMatchObject({ message: FAILED });
      expect(logged.slice(1)).toEqual([expect.stringMatching(/^Node fake: .*: .*no space left on device/)]);
    });

    it('logs that there was no progress', async () => {
      engine.pull = (answer) => lines(answer, downloading('a', 1, 70_000_000));
      await expect(ensure('nginx:x')).rejects.toMatchObject({ message: FAILED });
      expect(logged).toEqual([`Node fake: ${FAILED}: There was no progress for 1 s`]);
    });

    it('logs what a registry says as one line of a bounded length, without control characters', async () => {
      engine.pull = failing(`first\n\u001b[31msecond\u0000${'x'.repeat(2_000)}`);
      await expect(ensure('nginx:x')).rejects.toMatchObject({ message: FAILED });
      const [line = ''] = logged;
      expect(line).toMatch(/: first \[31msecond x+$/);
      expect(line.length).toBe(`Node fake: ${FAILED}: `.length + 500);
    });

    it('logs nothing of a pull that was called off', async () => {
      await callOff();
      expect(logged).toEqual([]);
    });
  });

  it.each(['10.0.0.7:5000/a:1', 'localhost:5000/a', 'registry.elsewhere.example/a', 'redis:6379/a:1'])(
    'sends no engine to a registry that is not allowed: %s',
    async (image) => {
      await expect(ensure(image)).rejects.toMatchObject({ failure: 'image_unavailable', message: /ALLOWED_REGISTRIES/ });
      expect(engine.pulled).toEqual([]);
    },
  );

  it('starts what the engine has, whatever registry it names', async () => {
    engine.hasImage = true;
    await ensure('localhost:5000/a:1');
    expect([engine.pulled, engine.started]).toEqual([[], 1]);
  });

  it('marks what it has pulled, and nothing that was there before', async () => {
    await ensure('nginx:1');
    await ensure('nginx:1');
    expect(engine.marks).toEqual([markOf('nginx:1', installationId)]);
  });

  it('gives a pull up that makes no progress, in the words of any other failure', async () => {
    engine.pull = (answer) => lines(answer, downloading('a', 1, 70_000_000));
    await expect(ensure('nginx:x')).rejects.toMatchObject({ failure: 'image_unavailable', message: FAILED });
    expect(engine.created).toBe(0);
  });

  it('gives a pull up that the engine does not even begin to answer', async () => {
    engine.pull = () => undefined;
    await expect(ensure('nginx:x')).rejects.toMatchObject({ failure: 'image_unavailable', message: FAILED });
  });

  const dripping =
    (step: number): Pull =>
    (answer) => {
      let current = 0;
      const timer = setInterval(() => lines(answer, downloading('a', (current += step), 70_000_000)), 50);
      answer.once('close', () => clearInterval(timer));
    };

  it('takes single bytes for no progress', async () => {
    engine.pull = dripping(1);
    await expect(ensure('nginx:x')).rejects.toMatchObject({ failure: 'image_unavailable', message: FAILED });
  });

  it('ends a steady pull when its time is up', async () => {
    engine.pull = dripping(100_000);
    const short = driverWith({ pullTimeoutSeconds: 2, pullStallSeconds: 600 });
    const work = short.ensure(node, aSpec({ image: 'nginx:x' }), { signal: new AbortController().signal, onProgress: () => undefined });
    await expect(work).rejects.toMatchObject({ failure: 'image_unavailable', message: FAILED });
  });

  it('is patient while the engine only works on the pulls of others', async () => {
    engine.pull = (answer) => {
      lines(answer, { id: 'a', status: 'Pulling fs layer' }, { id: 'a', status: 'Waiting' });
      setTimeout(() => answer.end(), 1_800);
    };
    await ensure('nginx:1');
    expect(engine.started).toBe(1);
  });

  it('is patient while the engine unpacks what it has, which takes long on a small machine', async () => {
    engine.pull = (answer) => {
      lines(answer, { id: 'a', status: 'Download complete' }, { id: 'a', status: 'Extracting' });
      setTimeout(() => answer.end(), 1_800);
    };
    await ensure('nginx:1');
    expect(engine.started).toBe(1);
  });

  it('is not patient when the description of the image does not come after all its layers', async () => {
    engine.pull = (answer) => lines(answer, { id: 'a', status: 'Extracting' }, { id: 'a', status: 'Pull complete' });
    await expect(ensure('nginx:x')).rejects.toMatchObject({ message: FAILED });
  });

  it('refuses an image that is too large, while it is pulled or when it is unpacked', async () => {
    const words = 'Image nginx:x is larger than the 100 MB that an image may have here (IMAGE_MAX_SIZE_MB)';
    engine.pull = (answer) => lines(answer, downloading('a', 1_000_000, 60_000_000), downloading('b', 1_000_000, 60_000_000));
    await expect(ensure('nginx:x')).rejects.toMatchObject({ failure: 'rejected', message: words });
    Object.assign(engine, { pull: (answer: ServerResponse) => answer.end(), hasImage: false });
    engine.description = { Id: 'sha256:1', Size: 200 * 1024 ** 2 };
    await expect(ensure('nginx:x')).rejects.toMatchObject({ failure: 'rejected', message: words });
    expect([engine.created, engine.removed]).toEqual([0, 1]);
  });

  it('pulls for each user in turn, and a few at a time', async () => {
    const open: (() => void)[] = [];
    engine.pull = (answer) => {
      engine.hasImage = false;
      open.push(() => {
        engine.hasImage = true;
        answer.end();
      });
      const timer = setInterval(() => lines(answer, { id: 'a', status: 'Extracting' }), 200);
      answer.once('close', () => clearInterval(timer));
    };
    const pull = (image: string, ownerId: string): Promise<void> => ensure(image, undefined, ownerId, patient);
    const greedy = Array.from({ length: 5 }, (_unused, n) => pull(`greedy:${n}`, 'greedy'));
    await until(() => engine.pulled.length === 2, { what: 'two pulls of one user' });
    const other = pull('other:1', 'other');
    await until(() => engine.pulled.includes('other:1'), { what: 'the pull of the other user' });
    expect(engine.pulled).toHaveLength(3);
    const finish = setInterval(() => open.splice(0).forEach((end) => end()), 20);
    await Promise.all([...greedy, other]);
    clearInterval(finish);
  });

  it('ends with the abort, and nothing is created afterwards', async () => {
    await callOff();
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
