import type Docker from 'dockerode';
import type { DataSource } from 'typeorm';
import type { Client } from '../support/client';
import { deploy, remove, statusOf, untilHealthy } from '../support/deployments-under-test';
import { describeWithEngine, engineClient, loadTestImage, removeContainersOf } from '../support/engine';
import type { FaultProxy } from '../support/fault-proxy';
import { openDataSource } from '../support/open-data-source';
import { adminOf, startProcess, type ProcessUnderTest } from '../support/process-under-test';
import { createTestDatabase, type TestDatabase } from '../support/test-database';
import { dockerEnvironment, engineProxy, freshInstallation, onDocker } from './product-on-docker';

const VANISHING = 'fog-test/vanishing:1';

describeWithEngine('a restore on real engines', () => {
  const docker: Docker = engineClient();
  let database: TestDatabase;
  let dataSource: DataSource;
  let engine: FaultProxy;
  let product: ProcessUnderTest;
  let client: Client;
  let installationId: string;

  beforeAll(async () => {
    await loadTestImage(docker, VANISHING);
    database = await createTestDatabase();
    dataSource = await openDataSource(database.url, 2);
    installationId = await freshInstallation(dataSource);
    engine = await engineProxy();
    product = await startProcess({ ...dockerEnvironment(engine), DATABASE_URL: database.url });
    client = await adminOf(product);
  }, 90_000);

  afterAll(async () => {
    await product?.kill('SIGKILL');
    await engine?.cut();
    if (installationId !== undefined) await removeContainersOf(docker, installationId);
    await dataSource?.destroy();
    await database?.drop();
  }, 60_000);

  it('is refused while no engine has the image and no registry offers it, and works once it is there again', async () => {
    const id = await deploy(client, 'vanishing', onDocker({ container_image: VANISHING, replicas: 2 }));
    await untilHealthy(client, id, 30_000);
    expect(await remove(client, id)).toMatchObject({ status: 200 });
    await docker.getImage(VANISHING).remove({ force: true });

    const refused = await client.post(`/api/deployment/${id}/restore`, {});
    expect(refused).toMatchObject({ status: 409, body: { code: 'image_unavailable' } });
    expect(await client.post(`/api/deployment/${id}/restore?dry_run=true`, {})).toMatchObject({
      status: 200,
      body: { possible: false, image: 'unavailable' },
    });
    expect((await statusOf(client, id)).status).toBe('deleted');

    await loadTestImage(docker, VANISHING);
    await new Promise((resolve) => setTimeout(resolve, 3_500)); // an answer about an image is remembered for three seconds
    expect(await client.post(`/api/deployment/${id}/restore`, {})).toMatchObject({ status: 202, body: { generation: 2 } });
    await untilHealthy(client, id, 30_000);
    expect(await remove(client, id)).toMatchObject({ status: 200, body: { replicas_stopped: 2, resources_released: true } });
  }, 120_000);
});
