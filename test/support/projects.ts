import type { Role } from '../../src/rights/rights';
import { freshName } from './deployments';
import type { TestApp } from './test-app';

/** A project that `maintainer` has made through the API, with these other members. */
export async function aProject(
  t: TestApp,
  maintainer: string,
  members: Readonly<Record<string, Role>> = {},
): Promise<{ id: string; name: string }> {
  const name = `p-${freshName()}`.toLowerCase().slice(0, 50);
  const { body } = await t.as(maintainer).post('/api/projects').send({ name }).expect(201);
  const { id } = body as { id: string };
  for (const [user, role] of Object.entries(members)) {
    await t.userId(user);
    await t.as(maintainer).put(`/api/projects/${id}/members/${user}`).send({ role }).expect(200);
  }
  return { id, name };
}
