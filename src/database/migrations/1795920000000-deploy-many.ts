import type { MigrationInterface, QueryRunner } from 'typeorm';

const KINDS = `'bulk_delete','bulk_restore'`;
const STATES = `'pending','deleted','restored','refused','cancelled'`;

/**
 * Operations that deploy. Their items may be of deployments that were not made, which have no id: then the name that was asked for, and
 * the problem, are kept. Rows that are there already are checked by the next migration.
 */
export class DeployMany1795920000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await allow(runner, {
      kinds: `${KINDS},'bulk_deploy'`,
      states: `'pending','deleted','restored','created','refused','cancelled'`,
      validity: 'NOT VALID',
    });
    await runner.query(`ALTER TABLE operation_items ALTER COLUMN deployment_id DROP NOT NULL`);
    await runner.query(`ALTER TABLE operation_items ADD COLUMN name text, ADD COLUMN problem jsonb`);
  }

  /** Operations that deployed are forgotten; what they made stays. */
  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM operations WHERE kind = 'bulk_deploy'`);
    await runner.query(`ALTER TABLE operation_items DROP COLUMN problem, DROP COLUMN name`);
    await runner.query(`ALTER TABLE operation_items ALTER COLUMN deployment_id SET NOT NULL`);
    await allow(runner, { kinds: KINDS, states: STATES, validity: '' });
  }
}

interface Allowed {
  readonly kinds: string;
  readonly states: string;
  readonly validity: 'NOT VALID' | '';
}

async function allow(runner: QueryRunner, { kinds, states, validity }: Allowed): Promise<void> {
  await runner.query(`
    ALTER TABLE operations DROP CONSTRAINT ck_operations_kind,
      ADD CONSTRAINT ck_operations_kind CHECK (kind IN (${kinds})) ${validity}`);
  await runner.query(`
    ALTER TABLE operation_items DROP CONSTRAINT ck_operation_items_state,
      ADD CONSTRAINT ck_operation_items_state CHECK (state IN (${states})) ${validity}`);
}
