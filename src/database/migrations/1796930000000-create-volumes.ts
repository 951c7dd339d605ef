import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Volumes of projects, and those of simulated engines. A node keeps as much storage for its volumes as they are large. */
export class CreateVolumes1796930000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Whoever registers writes to both in this order; the references would lock them in the other.
    await runner.query(`LOCK TABLE users, projects, nodes IN SHARE ROW EXCLUSIVE MODE`);
    await runner.query(`
      CREATE TABLE volumes (
        id             uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_volumes PRIMARY KEY,
        project_id     uuid NOT NULL CONSTRAINT fk_volumes_project REFERENCES projects (id) ON DELETE RESTRICT,
        name           text NOT NULL,
        size_gb        integer NOT NULL,
        user_id        uuid NOT NULL CONSTRAINT fk_volumes_user REFERENCES users (id) ON DELETE RESTRICT,
        node_id        uuid CONSTRAINT fk_volumes_node REFERENCES nodes (id) ON DELETE RESTRICT,
        created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
        made_at        timestamptz,
        removing_since timestamptz,
        CONSTRAINT ck_volumes_size CHECK (size_gb >= 1),
        CONSTRAINT ck_volumes_made CHECK (made_at IS NULL OR node_id IS NOT NULL))`);
    await runner.query(`CREATE UNIQUE INDEX uq_volumes_name ON volumes (project_id, name) WHERE removing_since IS NULL`);
    await runner.query(`CREATE INDEX ix_volumes_project ON volumes (project_id)`);
    await runner.query(`CREATE INDEX ix_volumes_user ON volumes (user_id)`);
    await runner.query(`CREATE INDEX ix_volumes_node ON volumes (node_id)`);
    await runner.query(`CREATE INDEX ix_volumes_removing ON volumes (removing_since) WHERE removing_since IS NOT NULL`);
    await runner.query(`
      CREATE FUNCTION count_volumes() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF TG_OP <> 'DELETE' AND NEW.node_id IS NOT NULL AND (TG_OP = 'INSERT' OR OLD.node_id IS NULL) THEN
          UPDATE nodes SET reserved_storage_gb = reserved_storage_gb + NEW.size_gb WHERE id = NEW.node_id;
        ELSIF TG_OP = 'UPDATE' AND (OLD.node_id, OLD.size_gb) IS DISTINCT FROM (NEW.node_id, NEW.size_gb) THEN
          RAISE EXCEPTION 'volume % stays where it is, as large as it is', OLD.id USING ERRCODE = '23514';
        ELSIF TG_OP = 'DELETE' AND OLD.node_id IS NOT NULL THEN
          UPDATE nodes SET reserved_storage_gb = reserved_storage_gb - OLD.size_gb WHERE id = OLD.node_id;
        END IF;
        RETURN NULL;
      END $$`);
    await runner.query(`
      CREATE TRIGGER tr_volumes_count AFTER INSERT OR UPDATE OR DELETE ON volumes
        FOR EACH ROW EXECUTE FUNCTION count_volumes()`);
    await runner.query(`
      CREATE TABLE simulated_volumes (
        node_id   uuid NOT NULL,
        volume_id uuid NOT NULL,
        made_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT pk_simulated_volumes PRIMARY KEY (node_id, volume_id))`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE simulated_volumes`);
    await runner.query(`
      UPDATE nodes AS n SET reserved_storage_gb = n.reserved_storage_gb - v.gb
        FROM (SELECT node_id, sum(size_gb)::int AS gb FROM volumes WHERE node_id IS NOT NULL GROUP BY node_id) AS v
       WHERE n.id = v.node_id`);
    await runner.query(`DROP TABLE volumes`);
    await runner.query(`DROP FUNCTION count_volumes()`);
  }
}
