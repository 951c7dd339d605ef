import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { AllowedRegistries } from '../../src/runtime/allowed-registries';
import { DockerDriver } from '../../src/runtime/docker/docker.driver';
import { DockerEngines, type DockerConnection } from '../../src/runtime/docker/docker-engines';
import { OwnPullTurns } from '../../src/runtime/docker/pull-turns';
import { chooseAmong } from '../../src/runtime/runtime-choice';
import type { RuntimeDriver } from '../../src/runtime/runtime-driver';
import { authority, certificateOf, writeCertificates } from '../support/certificates';

const OPTIONS = {
  ...{ installationId: 'test', publishAddress: '127.0.0.1', imageKeepHours: 0, extraCapabilities: [], openFiles: 0 },
  networks: { pool: { cidr: '198.18.0.0/15', prefixLength: 24 }, outgoing: true },
  images: {
    registries: new AllowedRegistries('none'),
    turns: new OwnPullTurns({ total: 1, perOwner: 1 }),
    pullTimeoutSeconds: 5,
    pullStallSeconds: 5,
    maxImageMb: 100,
  },
};
const INFO = { ServerVersion: '20.10', NCPU: 2, MemTotal: 2 ** 30, ID: 'engine' };

/** Operators set addresses and certificates by hand, and only the start tells them what is wrong. */
describe('the connection to an engine', () => {
  let folder: string;
  let tls: Server;
  let plain: Server;
  /** The name in the client certificate of each question. */
  let askedBy: string[];

  const listen = async (server: Server): Promise<Server> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return server;
  };
  const address = (server: Server): string => `tcp://127.0.0.1:${String((server.address() as AddressInfo).port)}`;

  beforeAll(async () => {
    const answer: RequestListener = (_request, response) =>
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(INFO));
    const trusted = { ca: authority('ca'), requestCert: true, rejectUnauthorized: true };
    plain = await listen(createServer(answer));
    tls = await listen(
      createTlsServer({ ...certificateOf('server'), ...trusted }, (request, response) => {
        askedBy.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
        answer(request, response);
      }),
    );
  });
  beforeEach(() => {
    askedBy = [];
    folder = mkdtempSync(join(tmpdir(), 'fog-certificates-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  afterAll(() => {
    for (const server of [tls, plain]) {
      server?.closeAllConnections();
      server?.close();
    }
  });

  /** What the program prints at its start with RUNTIME=docker. */
  const reasonWith = async (connection: DockerConnection): Promise<string> => {
    const simulation = { kind: 'simulated', close: () => undefined } as Partial<RuntimeDriver> as RuntimeDriver;
    const runtimes = await chooseAmong(
      { real: [new DockerDriver(new DockerEngines(connection), OPTIONS)], simulation },
      'docker',
      new Set(),
    );
    runtimes.onApplicationShutdown();
    return runtimes.active.reason;
  };

  it('is told when it works, over TLS too', async () => {
    writeCertificates(folder, { owner: 'client' });
    expect(await reasonWith({ dockerHost: address(plain) })).toMatch(/^Docker Engine 20\.10 answers at tcp:/);
    expect(await reasonWith({ dockerHost: address(tls), certPath: folder })).toMatch(/^Docker Engine 20\.10 answers at tcp:/);
  });

  it.each<[string, () => DockerConnection, RegExp]>([
    ['plain text to a port with TLS', () => ({ dockerHost: address(tls) }), /TLS.*DOCKER_HOST/],
    [
      'TLS to a port without',
      () => ({ ...from('client'), dockerHost: address(plain) }),
      /does not speak TLS there.*DOCKER_HOST and DOCKER_CERT_PATH/,
    ],
    ['a port that nobody listens on', () => ({ dockerHost: 'tcp://127.0.0.1:1' }), /nothing listens there; see DOCKER_HOST/],
    ['a socket that is none', () => ({ dockerHost: 'unix:///nowhere/docker.sock' }), /there is no such socket; see DOCKER_HOST/],
    [
      'an empty folder',
      () => ({ dockerHost: address(tls), certPath: folder }),
      /ca\.pem, cert\.pem and key\.pem are needed.*DOCKER_CERT_PATH/,
    ],
    ['files that are no PEM', noPem, /not in the PEM format.*DOCKER_CERT_PATH/],
    ['a wrong authority', () => from('client', 'other-ca'), /signed by an authority that is not trusted here.*DOCKER_CERT_PATH/],
    ['a client certificate of somebody else', () => from('stranger'), /refuses the client certificate.*DOCKER_CERT_PATH/],
    ['an expired client certificate', () => from('expired-client'), /refuses the client certificate.*DOCKER_CERT_PATH/],
    ['a key of another certificate', otherKey, /do not belong together.*DOCKER_CERT_PATH/],
  ])('names the reason: %s', async (_name, connection, reason) => {
    expect(await reasonWith(connection())).toMatch(reason);
  });

  it('takes new certificates without a restart', async () => {
    writeCertificates(folder, { owner: 'client' });
    const driver = new DockerDriver(new DockerEngines({ dockerHost: address(tls), certPath: folder }), OPTIONS);
    const ask = () => driver.info({ id: 'n', name: 'local', runtime: 'docker', endpoint: null }, AbortSignal.timeout(5_000));
    await ask();
    rmSync(join(folder, 'cert.pem'));
    await ask();
    writeCertificates(folder, { owner: 'next-client' });
    await ask();
    driver.close();
    expect(askedBy).toEqual(['fog-compute test client', 'fog-compute test client', 'fog-compute test next-client']);
  });

  const from = (owner: 'client' | 'stranger' | 'expired-client', ca: 'ca' | 'other-ca' = 'ca'): DockerConnection => {
    writeCertificates(folder, { owner, ca });
    return { dockerHost: address(tls), certPath: folder };
  };
  function noPem(): DockerConnection {
    mkdirSync(folder, { recursive: true });
    for (const file of ['ca.pem', 'cert.pem', 'key.pem']) writeFileSync(join(folder, file), 'no certificate');
    return { dockerHost: address(tls), certPath: folder };
  }
  function otherKey(): DockerConnection {
    const connection = from('client');
    writeFileSync(join(folder, 'key.pem'), certificateOf('stranger').key);
    return connection;
  }
});
