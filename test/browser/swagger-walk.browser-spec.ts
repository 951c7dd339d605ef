import { BrowserPage, describeWithBrowser } from '../support/browser';
import { Client } from '../support/client';
import { ADMIN, startProcess, temporaryDataDir, type ProcessUnderTest } from '../support/process-under-test';
import { SwaggerPage } from './swagger-page';

async function adminToken({ url }: ProcessUnderTest): Promise<string> {
  const { body } = await new Client(url).post('/api/auth/login', ADMIN);
  return (body as { access_token: string }).access_token;
}

describeWithBrowser('Swagger UI in a browser', () => {
  let data: ReturnType<typeof temporaryDataDir>;
  let product: ProcessUnderTest;
  let browser: BrowserPage;
  let swagger: SwaggerPage;
  beforeAll(async () => {
    data = temporaryDataDir();
    product = await startProcess({ DATA_DIR: data.path });
    browser = await BrowserPage.open();
    swagger = new SwaggerPage(browser.page, product.url);
  });
  afterAll(async () => {
    await browser?.close();
    await product?.kill('SIGTERM');
    data?.remove();
  });

  it('takes a newcomer from registration to a deletion and back, with the examples as they stand', async () => {
    await browser.step('open', () => swagger.open());
    const registered = await browser.step('register', () => swagger.execute('POST /api/auth/register'));
    expect(registered).toMatchObject({ status: 201, body: { username: 'ada', is_active: true, is_admin: false } });

    const session = await browser.step('log in', () => swagger.execute('POST /api/auth/login'));
    expect(session).toMatchObject({ status: 200, body: { token_type: 'bearer' } });
    await browser.step('authorize', () => swagger.authorize(String(session.body.access_token)));
    expect(await browser.step('load the page again', () => swagger.isAuthorizedAfterReload())).toBe(true);

    const deployed = await browser.step('deploy', () => swagger.execute('POST /api/deployment/deploy'));
    expect(deployed).toMatchObject({ status: 202, body: { success: true, status: 'pending', replicas: 2 } });
    const id = String(deployed.body.deployment_id);

    const status = 'GET /api/deployment/status/{deployment_id}';
    expect(await browser.step('status', () => swagger.execute(status, { deployment_id: id }))).toMatchObject({ status: 200 });
    const running = await browser.step('status running', () => swagger.executeUntil(status, ({ body }) => body.status === 'running'));
    expect(running.body).toMatchObject({ deployment_id: id, health: 'healthy', target_replicas: 2 });
    expect(running.body.replicas).toEqual([expect.objectContaining({ status: 'running' }), expect.objectContaining({ status: 'running' })]);

    const scaled = await browser.step('scale', () => swagger.execute('POST /api/deployment/scale/{deployment_id}', { deployment_id: id }));
    expect(scaled).toMatchObject({ status: 200, body: { success: true, replicas: 3, message: 'Scaled up to 3 replicas (1 added)' } });
    await browser.step('status after scaling', () => swagger.executeUntil(status, ({ body }) => body.health === 'healthy'));

    const restore = 'POST /api/deployment/{deployment_id}/restore';
    const deleted = await browser.step('delete', () => swagger.execute('DELETE /api/deployment/{deployment_id}', { deployment_id: id }));
    expect(deleted).toMatchObject({
      status: 200,
      body: {
        success: true,
        deployment_id: id,
        status: 'deleted',
        replicas_stopped: 3,
        resources_released: true,
        message: 'Deployment and 3 replicas deleted successfully',
      },
    });
    const restored = await browser.step('restore', () => swagger.execute(restore, { deployment_id: id }));
    expect(restored).toMatchObject({ status: 202, body: { success: true, status: 'scheduled', generation: 2, replicas: 3 } });
    await browser.step('status after the restore', () => swagger.executeUntil(status, ({ body }) => body.health === 'healthy'));
  });

  it('registers the node of the example for an administrator', async () => {
    await browser.step('open as administrator', () => swagger.open());
    await browser.step('change user', async () => swagger.authorize(await adminToken(product)));
    const node = await browser.step('register a node', () => swagger.execute('POST /api/nodes'));
    expect(node).toMatchObject({
      status: 201,
      body: { name: 'edge-7', runtime: 'docker', status: 'offline', cpu_cores: 8, memory_mb: 16_384 },
    });
    expect(
      await browser.step('remove the node', () => swagger.execute('DELETE /api/nodes/{id}', { id: String(node.body.id) })),
    ).toMatchObject({
      status: 200,
    });
  });

  it('loads nothing from elsewhere and complains about nothing', () => {
    expect(browser.requested.length).toBeGreaterThan(8);
    expect(browser.requested.filter((url) => !url.startsWith(`${product.url}/`) && !/^(data|blob):/.test(url))).toEqual([]);
    expect(browser.complaints).toEqual([]);
  });
});
