import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Names under which deployments are reached, the replicas that answer for them, and what routers report. A transaction that
 * changes a table of routes notes its own id, so that routers can ask for what has changed since they looked.
 */
export class CreateRoutes1795843000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE deployment_routes (
        id            uuid NOT NULL DEFAULT gen_random_uuid() CONSTRAINT pk_deployment_routes PRIMARY KEY,
        deployment_id uuid NOT NULL
          CONSTRAINT fk_deployment_routes_deployment REFERENCES deployments (id) ON DELETE RESTRICT,
        host          text NOT NULL,
        path_prefix   text NOT NULL,
        port          integer NOT NULL,
        position      integer NOT NULL,
        named         boolean NOT NULL,
        removed_at    timestamptz,
        CONSTRAINT ck_deployment_routes_host
          CHECK (host = lower(host) AND length(host) BETWEEN 1 AND 253),
        CONSTRAINT ck_deployment_routes_path CHECK (path_prefix LIKE '/%'),
        CONSTRAINT ck_deployment_routes_port CHECK (port BETWEEN 1 AND 65535)
      )`);
    await runner.query(`
      CREATE UNIQUE INDEX uq_deployment_routes_live ON deployment_routes (host, path_prefix)
        WHERE removed_at IS NULL`);
    await runner.query(`CREATE INDEX ix_deployment_routes_deployment ON deployment_routes (deployment_id)`);
    await runner.query(`
      CREATE TABLE route_tables (
        deployment_id uuid NOT NULL CONSTRAINT pk_route_tables PRIMARY KEY
          CONSTRAINT fk_route_tables_deployment REFERENCES deployments (id) ON DELETE RESTRICT,
        version       bigint NOT NULL,
        backends      jsonb NOT NULL,
        leaving       jsonb NOT NULL,
        changed_in    bigint NOT NULL
      )`);
    await runner.query(`CREATE INDEX ix_route_tables_changed ON route_tables (changed_in)`);
    await runner.query(`
      CREATE TABLE routers (
        id            uuid NOT NULL CONSTRAINT pk_routers PRIMARY KEY,
        kind          text NOT NULL,
        address       text NOT NULL,
        serves        text NOT NULL,
        behind        jsonb NOT NULL,
        busy          jsonb NOT NULL,
        seen_at       timestamptz NOT NULL
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE routers`);
    await runner.query(`DROP TABLE route_tables`);
    await runner.query(`DROP TABLE deployment_routes`);
  }
}
