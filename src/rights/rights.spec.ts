import { may, NEEDED_ROLE, requireRole, roleFault, ROLES, type Act, type Role } from './rights';
import { allows, grants, reaches } from './rights.sql';

/** Every pair is spelled out: who widens the table has to widen this one. */
const EXPECTED: Readonly<Record<Act, Readonly<Record<Role, boolean>>>> = {
  'deployment.read': { viewer: true, deployer: true, maintainer: true },
  'deployment.change': { viewer: false, deployer: true, maintainer: true },
  'deployment.move': { viewer: false, deployer: false, maintainer: true },
  'project.read': { viewer: true, deployer: true, maintainer: true },
  'project.change': { viewer: false, deployer: false, maintainer: true },
  'project.delete': { viewer: false, deployer: false, maintainer: true },
  'members.read': { viewer: true, deployer: true, maintainer: true },
  'members.change': { viewer: false, deployer: false, maintainer: true },
  'secrets.read': { viewer: true, deployer: true, maintainer: true },
  'secrets.change': { viewer: false, deployer: false, maintainer: true },
  'volumes.read': { viewer: true, deployer: true, maintainer: true },
  'volumes.change': { viewer: false, deployer: false, maintainer: true },
  'registries.read': { viewer: true, deployer: true, maintainer: true },
  'registries.change': { viewer: false, deployer: false, maintainer: true },
};
const ACTS = Object.keys(NEEDED_ROLE) as Act[];
const PAIRS = ACTS.flatMap((act) => ROLES.map((role) => [role, act, EXPECTED[act][role]] as const));

describe('who may what in a project', () => {
  it.each(PAIRS)('a %s asks for %s: %s', (role, act, expected) => {
    expect(may(role, act)).toBe(expected);
    expect(roleFault(role, act) === null).toBe(expected);
    expect(reaches('m.role', act) === 'true' || reaches('m.role', act).includes(`'${role}'`)).toBe(expected);
  });

  it.each(PAIRS)('a token that is bound as %s lists what %s asks for: %s', (role, act, expected) => {
    expect(grants(act, role)).toBe(expected ? reaches('m.role', act) : 'false');
    expect(grants(act, null)).toBe(reaches('m.role', act));
  });

  it('says which role is needed, and which one the caller has', () => {
    expect(() => requireRole('viewer', 'deployment.change')).toThrow('This needs the role deployer in the project; yours is viewer');
  });

  it('asks for the own project, for what a credential reaches, and for the members in one condition', () => {
    const sql = allows('deployment.change', { project: 'd.project_id', userId: '$2', reach: '$3' });
    expect(sql.replaceAll(/\s+/g, ' ').trim()).toBe(
      "($3 = 'all' OR ($3 = 'own' OR (split_part($3, ' ', 1) = d.project_id::text AND split_part($3, ' ', 2) IN ('deployer', 'maintainer'))) " +
        "AND (d.project_id = $2 OR EXISTS (SELECT 1 FROM project_members AS m WHERE m.project_id = d.project_id AND m.user_id = $2 AND m.role IN ('deployer', 'maintainer'))))",
    );
  });
});
