import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { NodeTarget } from '../../engines/node-target';
import { DockerEngines } from './docker-engines';

const node = (endpoint: string | null, name = 'edge-1'): NodeTarget => ({ id: 'n', name, runtime: 'docker', endpoint });
const modemOf = (engines: DockerEngines, target: NodeTarget): object => engines.clientFor(target).modem;

describe('DockerEngines', () => {
  it('keeps one client per engine', () => {
    const engines = new DockerEngines({});
    expect(engines.clientFor(node(null))).toBe(engines.clientFor(node(null)));
    expect(engines.clientFor(node(null))).not.toBe(engines.clientFor(node('tcp://127.0.0.1:2375')));
  });

  it('takes the engine of this machine from DOCKER_HOST, or the usual socket', () => {
    expect(modemOf(new DockerEngines({ dockerHost: 'unix:///run/x.sock' }), node(null))).toMatchObject({ socketPath: '/run/x.sock' });
    expect(new DockerEngines({}).localAddress).toMatch(/^(unix|npipe):\/\/.*docker/);
  });

  it.each(['tcp://127.0.0.1:2375', 'tcp://localhost:2375', 'tcp://[::1]:2375'])(
    'goes to %s in plain text: it is this machine',
    (endpoint) => {
      expect(modemOf(new DockerEngines({}), node(endpoint))).toMatchObject({ protocol: 'http', port: '2375' });
    },
  );

  it.each(['tcp://10.0.0.5:2375', 'tcp://engine.example:2376', 'tcp://0.0.0.0:2375', 'tcp://127.0.0.1.example:2375'])(
    'goes to %s over TLS or not at all',
    (endpoint) => {
      expect(() => new DockerEngines({}).clientFor(node(endpoint))).toThrow(/TLS only/);
    },
  );

  it.each(['http://127.0.0.1', 'ssh://host', '127.0.0.1:2375', 'tcp://', '', 'file:///etc/passwd'])(
    'refuses the address %j',
    (endpoint) => {
      expect(() => new DockerEngines({}).clientFor(node(endpoint))).toThrow(/must look like/);
    },
  );

  it.each(['unix:///run/docker.sock', 'tcp://127.0.0.1:2375'])(
    'shows nothing of its connections to %s to a library that writes all down',
    (address) => {
      const shown = inspect(modemOf(new DockerEngines({ dockerHost: address }), node(null)), { showHidden: true, depth: null });
      expect(shown).toContain('agent: [Agent]');
    },
  );

  describe('with certificates', () => {
    let folder: string;
    const write = (into: string, text: string): void => {
      mkdirSync(into, { recursive: true });
      for (const file of ['ca.pem', 'cert.pem', 'key.pem']) writeFileSync(join(into, file), text);
    };
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'fog-certificates-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it('uses those of the node, else those of all', () => {
      write(folder, 'all');
      write(join(folder, 'edge-1'), 'own');
      const engines = new DockerEngines({ certPath: folder });
      expect(modemOf(engines, node('tcp://10.0.0.5'))).toMatchObject({ protocol: 'https', port: '2376', cert: 'own' });
      expect(modemOf(engines, node('tcp://10.0.0.5', 'edge-2'))).toMatchObject({ protocol: 'https', cert: 'all' });
      expect(modemOf(engines, node('tcp://10.0.0.5', '../edge-1'))).toMatchObject({ cert: 'all' });
    });

    it('says what is missing without showing where', () => {
      expect(() => new DockerEngines({ certPath: folder }).clientFor(node('tcp://10.0.0.5'))).toThrow(
        /ca\.pem, cert\.pem and key\.pem are needed$/,
      );
    });
  });
});
