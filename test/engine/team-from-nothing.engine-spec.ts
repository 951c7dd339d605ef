import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { LABEL } from '../../src/runtime/docker/docker-labels';
import { Client, type Answer } from '../support/client';
import { deploy, deployWish, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf, TEST_IMAGE } from '../support/engine';
import { CREDENTIAL, describeWithRegistry, PrivateRegistry } from '../support/private-registry';
import { temporaryDataDir } from '../support/process-under-test';
import { freePort, RunningProgram } from '../support/program';
import { until } from '../support/until';
import { dockerEnvironment, onDocker } from './product-on-docker';

const SPEAKS = ['sh', '-c', `echo "the password is $DB_PASSWORD"; trap 'exit 0' TERM; while :; do sleep 0.1; done`];

/** What the documents tell a new team to do, from a folder without anything in it, with nothing but requests. */
describeWithEngine('a team of three on an empty installation', () =>
  describeWithRegistry('with a registry of its own', () => {
    let docker: Docker;
    let registry: PrivateRegistry;
    let image: string;
    let program: RunningProgram;
    let url: string;
    let installation: string | undefined;
    const folder = temporaryDataDir();
    beforeAll(async () => {
      docker = engineClient();
      await loadTestImage(docker);
      registry = await PrivateRegistry.start();
      image = await registry.take(docker, TEST_IMAGE, 'team/shop');
      const port = String(await freePort());
      const host = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
      program = RunningProgram.start({
        ...dockerEnvironment(host),
        ...{ DATA_DIR: folder.path, PORT: port, ALLOWED_REGISTRIES: registry.server, LOG_LEVEL: 'warn' },
      });
      url = `http://127.0.0.1:${port}`;
      const isReady = async (): Promise<boolean> => (await fetch(`${url}/health/ready`).catch(() => null))?.status === 200;
      await until(isReady, { timeoutMs: 90_000, what: 'the first start' });
    });
    afterAll(async () => {
      program?.signal('SIGTERM');
      await program?.exitCode().catch(() => undefined);
      program?.kill();
      if (installation !== undefined) await removeContainersOf(docker, installation);
      await docker
        ?.getImage(image)
        .remove({ force: true })
        .catch(() => undefined);
      registry?.close();
      folder.remove();
    });

    const open = (): Client => new Client(url);
    const bodyOf = ({ status, body }: Answer, expected: number): unknown => {
      expect([status, body]).toEqual([expected, body]);
      return body;
    };
    const logIn = async (username: string, password: string): Promise<Client> => {
      const { access_token: token } = bodyOf(await open().post('/api/auth/login', { username, password }), 200) as { access_token: string };
      return new Client(url, token);
    };
    const codeOf = ({ status, body }: Answer): string => `${String(status)} ${String((body as { code?: string }).code)}`;

    it('is added by the first administrator, shares a project, and runs a private image with a secret, each in its role', async () => {
      const password = readFileSync(join(folder.path, 'admin-password'), 'utf8').trim();
      const admin = await logIn('admin', password);
      const stranger = { username: 'eve', email: 'eve@example.org', password: 'Correct-Horse-7' };
      expect(codeOf(await open().post('/api/auth/register', stranger))).toBe('403 registration_closed');

      /** The administrator never learns the password that the user sets with the link. */
      const added = async (username: string): Promise<Client> => {
        const wish = { username, email: `${username}@example.org` };
        const { password_link: link } = bodyOf(await admin.post('/api/users', wish), 201) as { password_link: { token: string } };
        const chosen = { token: link.token, password: `Correct-Horse-${username}-7` };
        bodyOf(await open().post('/api/auth/password-reset/confirm', chosen), 204);
        return logIn(username, chosen.password);
      };
      const [ada, bob, cyd, dan] = [await added('ada'), await added('bob'), await added('cyd'), await added('dan')];

      const { id: team } = bodyOf(await ada.post('/api/projects', { name: 'web-team' }), 201) as { id: string };
      const at = (rest: string): string => `/api/projects/${team}/${rest}`;
      bodyOf(await ada.put(at('members/bob'), { role: 'deployer' }), 200);
      bodyOf(await ada.put(at('members/cyd'), { role: 'viewer' }), 200);
      bodyOf(await admin.put(at('quota'), { replicas: 3 }), 200);

      // Only a maintainer gives the project its secret and its registry; their values never come back.
      expect(codeOf(await bob.put(at('secrets/db-password'), { value: 'mine' }))).toBe('403 role_required');
      bodyOf(await ada.put(at('secrets/db-password'), { value: 'hunter2' }), 200);
      bodyOf(await ada.put(at('registries/team'), { server: registry.server, ...CREDENTIAL }), 200);
      const shown = JSON.stringify([(await cyd.get(at('secrets'))).body, (await cyd.get(at('registries'))).body]);
      expect(shown).toContain('db-password');
      expect(shown).not.toMatch(new RegExp(`hunter2|${CREDENTIAL.password}`));

      const wish = onDocker({ container_image: image, command: SPEAKS, project: 'web-team', secret_env: { DB_PASSWORD: 'db-password' } });
      expect(codeOf(await cyd.post('/api/deployment/deploy', deployWish('shop', wish)))).toBe('403 role_required');
      const id = await deploy(bob, 'shop', wish);
      await untilHealthy(bob, id, 60_000);
      const [container] = await docker.listContainers({ filters: { label: [`${LABEL.deployment}=${id}`] } });
      installation = container?.Labels[LABEL.installation];
      const says = (words: string) =>
        until(async () => JSON.stringify((await cyd.get(`/api/deployment/${id}/logs`)).body).includes(words), { what: words });
      await says('the password is hunter2');

      // The viewer sees all of it in two requests, changes nothing, and a stranger sees nothing.
      const [, project] = bodyOf(await cyd.get('/api/projects'), 200) as [unknown, object];
      expect(project).toMatchObject({
        ...{ id: team, name: 'web-team', role: 'viewer', members: 3, usage: { deployments: 1, replicas: 1 } },
        quota: { replicas: { limit: 3, used: 1 } },
      });
      const members = bodyOf(await cyd.get(at('members')), 200) as { username: string; role: string }[];
      expect(members.map(({ username, role }) => `${username} ${role}`)).toEqual(['ada maintainer', 'bob deployer', 'cyd viewer']);
      expect(codeOf(await cyd.post(`/api/deployment/scale/${id}`, { replicas: 2 }))).toBe('403 role_required');
      for (const path of [`/api/projects/${team}`, at('members'), `/api/deployment/${id}`, `/api/deployment/${id}/logs`])
        expect(codeOf(await dan.get(path))).toBe('404 not_found');

      // A pipeline has a token for this project and nothing else, and the quota holds for it, too.
      const token = { name: 'pipeline', project: 'web-team', role: 'deployer' };
      const { token: secret } = bodyOf(await bob.post('/api/auth/tokens', token), 201) as { token: string };
      const pipeline = new Client(url, secret);
      expect(codeOf(await pipeline.post(`/api/deployment/scale/${id}`, { replicas: 4 }))).toBe('409 quota_exceeded');
      expect(codeOf(await pipeline.get('/api/users'))).toBe('403 bound_token');
      bodyOf(await pipeline.post(`/api/deployment/scale/${id}`, { replicas: 2 }), 200);
      await untilHealthy(bob, id, 60_000);

      bodyOf(await ada.put(`${at('secrets/db-password')}?restart=true`, { value: 'swordfish' }), 200);
      await says('the password is swordfish');
      await until(async () => (await statusOf(bob, id)).health === 'healthy', { timeoutMs: 60_000, what: 'the rollout' });

      bodyOf(await ada.delete(at('members/bob')), 204);
      expect(codeOf(await pipeline.get(`/api/deployment/${id}`))).toBe('404 not_found');
      expect((await remove(ada, id, '?wait=30')).status).toBe(200);
      bodyOf(await ada.delete(`/api/projects/${team}`), 200);
      expect(await docker.listContainers({ all: true, filters: { label: [`${LABEL.deployment}=${id}`] } })).toEqual([]);
    });
  }),
);
