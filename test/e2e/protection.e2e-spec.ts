import { deploy, deployed, expectGone, expectInvariants, historyOf, reaches, statusOf, UNKNOWN_ID } from '../support/deployments';
import { startTestApp, type TestApp } from '../support/test-app';

interface AuditRow {
  action: string;
  actor_id: string;
  before: unknown;
  after: unknown;
}

describe('what keeps a deployment from being deleted', () => {
  let t: TestApp;
  beforeAll(async () => {
    t = await startTestApp();
    await t.token('root', { admin: true });
    await t.token('ada', {});
  });
  afterEach(() => expectInvariants(t.dataSource));
  afterAll(() => t?.close());

  const root = () => t.as('root', { admin: true });
  const path = (id: string, what = ''): string => `/api/deployment/${id}${what}`;
  const protect = (id: string, reason = 'Serves production') => t.as('ada').put(path(id, '/protection')).send({ reason });
  const unprotect = (id: string) => t.as('ada').delete(path(id, '/protection'));
  const auditOf = (id: string): Promise<AuditRow[]> =>
    t.dataSource.query(
      `SELECT action, actor_id, before, after FROM audit_log
        WHERE resource_id = $1 AND outcome = 'done' AND action ~ 'protect|hold' ORDER BY id`,
      [id],
    );
  const eventsOf = (id: string): Promise<{ type: string }[]> =>
    t.dataSource.query(`SELECT type FROM events WHERE deployment_id = $1 AND type ~ 'protect|held' ORDER BY id`, [id]);

  it('refuses every delete of a protected one until the protection is lifted, also an administrator and by force', async () => {
    const id = await deployed(t, 'ada');
    const { body } = await protect(id).expect(200);
    expect(body).toEqual({ deployment_id: id, protected: true, protection_reason: 'Serves production', legal_hold: false });
    for (const attempt of [t.as('ada').delete(path(id)), root().delete(path(id)), root().delete(path(id, '?force=true'))]) {
      expect((await attempt.expect(409)).body).toMatchObject({
        code: 'deployment_protected',
        detail: 'The deployment is protected: Serves production',
        protection_reason: 'Serves production',
      });
    }
    await t.as('bob').delete(path(id)).expect(404);
    for (const view of [path(id), `/api/deployment/status/${id}`]) {
      const shown = await t.as('ada').get(view).expect(200);
      expect(shown.body).toMatchObject({ status: 'running', protected: true, protection_reason: 'Serves production', legal_hold: false });
    }
    expect((await unprotect(id).expect(200)).body).toEqual({
      deployment_id: id,
      protected: false,
      protection_reason: null,
      legal_hold: false,
    });
    await t.as('ada').delete(path(id)).expect(200);
    await expectGone(t.dataSource, id);
  });

  it('audits and announces every change with its reason, leaves no history row, and moves the ETag', async () => {
    const id = await deployed(t, 'ada');
    const etags = [(await t.as('ada').get(path(id)).expect(200)).headers.etag];
    for (const call of [protect(id, 'first'), protect(id, 'second')]) etags.push((await call.expect(200)).headers.etag);
    etags.push((await unprotect(id).expect(200)).headers.etag);
    expect(new Set(etags).size).toBe(4);
    expect((await t.as('ada').get(path(id)).expect(200)).headers.etag?.replace(/\..*/, '"')).toBe(etags.at(-1));
    const actor_id = await t.userId('ada');
    expect(await auditOf(id)).toEqual([
      { action: 'deployment.protect', actor_id, before: { reason: null }, after: { reason: 'first' } },
      { action: 'deployment.protect', actor_id, before: { reason: 'first' }, after: { reason: 'second' } },
      { action: 'deployment.unprotect', actor_id, before: { reason: 'second' }, after: { reason: null } },
    ]);
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual([
      'fog.deployment.protected',
      'fog.deployment.protected',
      'fog.deployment.unprotected',
    ]);
    expect((await historyOf(t, 'ada', id)).map(({ new_status }) => new_status)).toEqual(['pending', 'scheduled', 'running']);
  });

  it('changes nothing when it is so already', async () => {
    const id = await deployed(t, 'ada');
    const { etag } = (await protect(id, 'same').expect(200)).headers;
    expect((await protect(id, 'same').expect(200)).headers.etag).toBe(etag);
    await unprotect(id).expect(200);
    expect((await unprotect(id).expect(200)).body.protected).toBe(false);
    expect(await auditOf(id)).toHaveLength(2);
  });

  it('can be a part of the deploy', async () => {
    const id = await deploy(t, 'ada', { protected: true, protection_reason: 'From the start' });
    expect(await statusOf(t, 'ada', id)).toMatchObject({ protected: true, protection_reason: 'From the start' });
    await t.as('ada').delete(path(id)).expect(409);
    const silent = await deploy(t, 'ada', { protected: true });
    expect(await statusOf(t, 'ada', silent)).toMatchObject({ protected: true, protection_reason: 'Protected when it was deployed' });
    const open = await deploy(t, 'ada', { protected: false });
    expect(await statusOf(t, 'ada', open)).toMatchObject({ protected: false, protection_reason: null });
    const spec = { name: 'unreasoned', type: 'compute', container_image: 'nginx', resources: { cpu: 0.5, memory: 512 } };
    const refused = await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send({ ...spec, protection_reason: 'alone' })
      .expect(422);
    expect(refused.body.errors).toEqual([{ pointer: '/protection_reason', detail: 'protection_reason needs protected to be true' }]);
    await t
      .as('ada')
      .post('/api/deployment/deploy')
      .send({ ...spec, protected: 'yes' })
      .expect(422);
  });

  it('does not hinder anything but the delete', async () => {
    const id = await deploy(t, 'ada', { protected: true });
    await reaches(t, 'ada', id, 'running');
    await t.as('ada').post(`/api/deployment/scale/${id}`).send({ replicas: 2 }).expect(200);
    await t.as('ada').post(path(id, '/stop')).expect(202);
    await t.as('ada').post(path(id, '/start')).expect(202);
    expect(await statusOf(t, 'ada', id)).toMatchObject({ protected: true });
  });

  it('asks for a reason', async () => {
    const id = await deploy(t, 'ada');
    for (const body of [{}, { reason: '' }, { reason: 5 }, { reason: 'x'.repeat(501) }, { reason: 'x', until: 'tomorrow' }]) {
      await t.as('ada').put(path(id, '/protection')).send(body).expect(422);
      await root().put(path(id, '/legal-hold')).send(body).expect(422);
    }
    expect(await statusOf(t, 'ada', id)).toMatchObject({ protected: false, legal_hold: false });
  });

  it('is a legal hold only for administrators, whose reason the owner does not see', async () => {
    const id = await deployed(t, 'ada');
    expect((await t.as('ada').put(path(id, '/legal-hold')).send({ reason: 'mine' }).expect(403)).body.code).toBe('admin_required');
    expect((await root().put(path(id, '/legal-hold')).send({ reason: 'case 12 of the court' }).expect(200)).body).toEqual({
      deployment_id: id,
      protected: false,
      protection_reason: null,
      legal_hold: true,
    });
    await protect(id).expect(200);
    const refused = await t.as('ada').delete(path(id)).expect(409);
    expect(refused.body).toMatchObject({ code: 'legal_hold', detail: 'The deployment is under legal hold' });
    const shown = await t.as('ada').get(path(id)).expect(200);
    expect(shown.body).toMatchObject({ legal_hold: true });
    const events = await t.dataSource.query<unknown[]>(`SELECT * FROM events WHERE deployment_id = $1`, [id]);
    expect(JSON.stringify([refused.body, shown.body, events])).not.toContain('case 12');
    await unprotect(id).expect(200);
    await t.as('ada').delete(path(id, '/legal-hold')).expect(403);
    await t.as('ada').delete(path(id)).expect(409);
    await root().delete(path(id, '/legal-hold')).expect(200);
    await t.as('ada').delete(path(id)).expect(200);
    expect((await auditOf(id)).map(({ action, after }) => [action, after])).toEqual([
      ['deployment.hold', { reason: 'case 12 of the court' }],
      ['deployment.protect', { reason: 'Serves production' }],
      ['deployment.unprotect', { reason: null }],
      ['deployment.unhold', { reason: null }],
    ]);
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual(expect.arrayContaining(['fog.deployment.held', 'fog.deployment.unheld']));
  });

  it('can hold what is deleted already, which a protection cannot', async () => {
    const id = await deployed(t, 'ada');
    await t.as('ada').delete(path(id)).expect(200);
    const gone = (await protect(id).expect(404)).body.detail;
    expect(gone).toBe(`Deployment ${id} not found or access denied`);
    expect((await protect(UNKNOWN_ID).expect(404)).body.detail).toBe(gone.replace(id, UNKNOWN_ID));
    await root().put(path(id, '/legal-hold')).send({ reason: 'case 12' }).expect(200);
    expect(await statusOf(t, 'ada', id)).toMatchObject({ status: 'deleted', legal_hold: true });
    await root().delete(path(id, '/legal-hold')).expect(200);
  });

  it('repeats its answer for a repeated key', async () => {
    const id = await deployed(t, 'ada');
    await protect(id).expect(200);
    const first = await unprotect(id).set('Idempotency-Key', 'lift').expect(200);
    await protect(id, 'again').expect(200);
    const second = await unprotect(id).set('Idempotency-Key', 'lift').expect(200);
    expect(second.headers['idempotency-replayed']).toBe('true');
    expect(second.body).toEqual(first.body);
    expect(await statusOf(t, 'ada', id)).toMatchObject({ protected: true });
  });

  it('wins against a delete or loses to it, thirty times, and is never there beside a deletion', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, () => deploy(t, 'ada')));
    await Promise.all(
      ids.map(async (id, n) => {
        const race = [() => protect(id), () => t.as('ada').delete(path(id))];
        // Every other time the delete is sent first.
        const answers = await Promise.all((n % 2 === 0 ? race : race.toReversed()).map((call) => call().then(({ status }) => status)));
        const [protection, deletion] = n % 2 === 0 ? answers : answers.toReversed();
        expect([protection, deletion]).toEqual(protection === 200 ? [200, 409] : [404, 200]);
        const status = await statusOf(t, 'ada', id);
        expect([status.status === 'deleted', (status as unknown as { protected: boolean }).protected]).toEqual(
          protection === 200 ? [false, true] : [true, false],
        );
        if (protection === 200) await t.as('ada').delete(path(id)).expect(409);
      }),
    );
  });
});
