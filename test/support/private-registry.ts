import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { freePort } from './program';
import { RegistryTokenService } from './registry-token-service';
import { until } from './until';

const PROGRAM = '/usr/bin/docker-registry';
/** `puller` with the password that `CREDENTIAL` has, as `htpasswd -B` writes it. */
const ACCOUNTS = 'puller:$2b$12$ZIE4nLMEpi0UpO8oOQ86/.oQmDXUuV9y/f6TKq1hxsDOxRmoa8mr.\n';
export const CREDENTIAL = { username: 'puller', password: 'secret123' } as const;

/** Tests with Debian's docker-registry. Without it they are skipped, which is said; in CI they never are. */
export const describeWithRegistry = (name: string, tests: () => void): void => {
  if (existsSync(PROGRAM)) {
    describe(name, tests);
    return;
  }
  if (process.env.REQUIRE_DOCKER_ENGINE === '1') throw new Error('There is no docker-registry: apt-get install docker-registry');
  process.stderr.write(`SKIPPED, no docker-registry (apt-get install docker-registry): ${name}\n`);
  describe.skip(name, tests);
};

/** A real registry on this machine that answers only those who have the credential. */
export class PrivateRegistry {
  private constructor(
    /** Where it is, as in an image reference. */
    readonly server: string,
    private readonly folder: string,
    private readonly process: ChildProcess,
    private readonly tokens: RegistryTokenService | null,
  ) {}

  /** `token`: it sends clients to a token service, as the large ones do; `basic`: it takes user name and password itself. */
  static async start(by: 'basic' | 'token' = 'basic'): Promise<PrivateRegistry> {
    const folder = mkdtempSync(join(tmpdir(), 'fog-registry-'));
    const server = `127.0.0.1:${String(await freePort())}`;
    writeFileSync(join(folder, 'accounts'), ACCOUNTS);
    const tokens = by === 'token' ? await RegistryTokenService.start(CREDENTIAL) : null;
    const trusted = join(folder, 'trusted.pem');
    if (tokens) writeFileSync(trusted, tokens.certificates);
    const settings = {
      version: 0.1,
      storage: { filesystem: { rootdirectory: join(folder, 'data') }, delete: { enabled: true } },
      http: { addr: server },
      auth: tokens
        ? { token: { ...tokens.settings, rootcertbundle: trusted } }
        : { htpasswd: { realm: 'test', path: join(folder, 'accounts') } },
    };
    writeFileSync(join(folder, 'settings.yml'), JSON.stringify(settings));
    const process = spawn(PROGRAM, ['serve', join(folder, 'settings.yml')], { stdio: 'ignore' });
    const registry = new PrivateRegistry(server, folder, process, tokens);
    await until(async () => (await fetch(`http://${server}/v2/`).catch(() => null))?.status === 401, { what: 'the registry' });
    return registry;
  }

  /** Puts an image that the engine has into the registry, takes its new name from the engine again, and gives that name. */
  async take(docker: Docker, image: string, name: string): Promise<string> {
    const repo = `${this.server}/${name}`;
    await docker.getImage(image).tag({ repo, tag: '1' });
    await this.push(docker, `${repo}:1`);
    return `${repo}:1`;
  }

  /** Has the name mean an image from now on that there is nowhere else, not on the engine either, and gives that name. */
  async putNew(docker: Docker, base: string, name: string): Promise<string> {
    const repo = `${this.server}/${name}`;
    const container = await docker.createContainer({ Image: base, Cmd: ['true'] });
    await container.commit({ repo, tag: '1', changes: `LABEL made=${randomUUID()}` });
    await container.remove();
    await this.push(docker, `${repo}:1`);
    return `${repo}:1`;
  }

  /** What the registry has under the tag, asked with the credential. */
  async digestOf(name: string): Promise<string | null> {
    const accept = 'application/vnd.docker.distribution.manifest.v2+json';
    const url = `http://${this.server}/v2/${name}/manifests/1`;
    const basic = `Basic ${Buffer.from(`${CREDENTIAL.username}:${CREDENTIAL.password}`).toString('base64')}`;
    const authorization = this.tokens ? `Bearer ${this.tokens.pullToken(name)}` : basic;
    const answer = await fetch(url, { method: 'HEAD', headers: { Accept: accept, Authorization: authorization } });
    return answer.headers.get('docker-content-digest');
  }

  /** Takes the name from the engine afterwards. */
  private async push(docker: Docker, name: string): Promise<void> {
    const pushed = docker.getImage(name);
    const progress = await pushed.push({ authconfig: { ...CREDENTIAL, serveraddress: this.server } });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(progress, (error: Error | null) => (error ? reject(error) : resolve()));
    });
    await pushed.remove();
  }

  close(): void {
    this.process.kill('SIGKILL');
    this.tokens?.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
