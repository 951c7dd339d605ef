import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What lists are narrowed by: of each label its name and its name with the value, each by itself for the lists of administrators, and
 * with the owner. However many other users have the same label, a list of one user then finds only what is that user's.
 */
export class IndexLabels1795920001000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // A loop costs half of what a query inside of the function does, and every change of a status computes this.
    await runner.query(`
      CREATE FUNCTION label_keys(owner uuid, labels jsonb) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
      DECLARE
        keys text[] := '{}';
        own text := owner || ' ';
        name text;
        value text;
      BEGIN
        FOR name, value IN SELECT l.key, l.value FROM jsonb_each_text(labels) AS l LOOP
          keys := keys || ARRAY[name, name || '=' || value, own || name, own || name || '=' || value];
        END LOOP;
        RETURN keys;
      END $$`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP FUNCTION label_keys(uuid, jsonb)`);
  }
}
