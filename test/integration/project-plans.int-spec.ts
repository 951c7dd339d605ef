import { randomUUID } from 'node:crypto';
import { inTransaction } from '../../src/database/transaction';
import { GroupRoles } from '../../src/rights/group-roles';
import { aSpec } from '../support/deployments';
import { aProject } from '../support/projects';
import { QueryTap } from '../support/query-tap';
import { startTestApp, type TestApp } from '../support/test-app';

interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Loops'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** How PostgreSQL carries out the statements about projects, since a small database does not show by its time what a large one would take. */
describe('statements about projects', () => {
  let t: TestApp;
  let tap: QueryTap;
  beforeAll(async () => {
    t = await startTestApp({ env: { ROLE: 'api' } });
    tap = new QueryTap(t.dataSource);
  });
  afterAll(() => t?.close());

  const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];
  const planOf = async (db: Pick<TestApp['dataSource'], 'query'>, sql: string, values: unknown[], options = ''): Promise<PlanNode[]> => {
    const [row] = await db.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }[]>(`EXPLAIN (FORMAT JSON${options}) ${sql}`, values);
    return nodesOf(row!['QUERY PLAN'][0]!.Plan);
  };

  it('count what is held for the projects of a page only, with a number of statements that does not grow', async () => {
    const userId = await t.userId('ada');
    /** Without the look at the session, which is needed now and then. */
    const list = async () =>
      (await tap.statements(() => t.as('ada').get('/api/projects?limit=2').expect(200))).filter(({ sql }) => !/\bsessions\b/.test(sql));
    await list();
    const before = await list();
    for (let n = 0; n < 12; n++) {
      const { name } = await aProject(t, 'ada');
      if (n % 3 === 0)
        await t
          .as('ada')
          .post('/api/deployment/deploy')
          .send(aSpec({ project: name }))
          .expect(202);
    }
    const statements = await list();
    expect(statements).toHaveLength(before.length);
    const page = statements.find(({ sql }) => sql.includes('AS "ownQuota"'))!.sql;
    const counting = (await planOf(t.dataSource, page, [userId, 'own', false, 2, 0], ', ANALYZE')).filter(
      (node) => node['Relation Name'] === 'deployments',
    );
    expect(counting.length).toBeGreaterThan(0);
    expect(Math.max(...counting.map((node) => node['Actual Loops'] ?? 0))).toBeLessThanOrEqual(2);
  });

  it('find who is in a group by an index, under the lock that sign-ins wait for', async () => {
    const roles = t.app.get(GroupRoles, { strict: false });
    const statements = await tap.statements(() => inTransaction(t.dataSource, (tx) => roles.follow(tx, { projectId: randomUUID() })));
    const following = statements.filter(({ sql }) => sql.includes('project_groups'));
    expect(following).toHaveLength(2);
    for (const { sql } of following) {
      const indexes = await t.dataSource.transaction(async (tx) => {
        await tx.query(`SET LOCAL enable_seqscan = off`);
        return (await planOf(tx, sql, [randomUUID()])).map((node) => node['Index Name']);
      });
      expect(indexes).toContain('ix_users_external_groups');
    }
  });
});
