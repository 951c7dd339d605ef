import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Machines that only dial out: who they are, their links, what they have reported, and what they should run. `agent_calls` and
 * `agent_call_parts` hold questions for seconds, so they are not logged: a crash of the server loses them, and who asked asks again.
 * Programs of before serve no nodes of this kind.
 */
export class CreateAgents1796600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE nodes DROP CONSTRAINT ck_nodes_runtime`);
    await runner.query(`ALTER TABLE nodes ADD CONSTRAINT ck_nodes_runtime CHECK (runtime IN ('docker','kubernetes','agent','simulated'))`);
    await runner.query(`
      CREATE TABLE node_agents (
        node_id         uuid NOT NULL CONSTRAINT pk_node_agents PRIMARY KEY
                        CONSTRAINT fk_node_agents_node REFERENCES nodes (id) ON DELETE CASCADE,
        identity        integer NOT NULL DEFAULT 1,
        join_token_hash text,
        join_expires_at timestamptz,
        public_key      bytea,
        next_public_key bytea,
        joined_at       timestamptz,
        machine         jsonb,
        intruder        jsonb,
        CONSTRAINT ck_node_agents_keys CHECK (next_public_key IS NULL OR public_key IS NOT NULL)
      )`);
    await runner.query(`CREATE UNIQUE INDEX uq_node_agents_join_token ON node_agents (join_token_hash)`);
    await runner.query(`
      CREATE TABLE agent_links (
        node_id          uuid NOT NULL CONSTRAINT pk_agent_links PRIMARY KEY
                         CONSTRAINT fk_agent_links_node_agent REFERENCES node_agents (node_id) ON DELETE CASCADE,
        epoch            bigint NOT NULL DEFAULT 0,
        holder           uuid,
        confirmed_epoch  bigint NOT NULL DEFAULT 0,
        last_heard       timestamptz,
        orders_version   bigint NOT NULL DEFAULT 0,
        seen_version     bigint NOT NULL DEFAULT 0,
        reported_at      timestamptz,
        engine           jsonb,
        engine_trouble   text,
        workloads        jsonb NOT NULL DEFAULT '{}',
        troubles         jsonb NOT NULL DEFAULT '{}',
        progress         jsonb NOT NULL DEFAULT '{}'
      ) WITH (fillfactor = 50)`);
    await runner.query(`
      CREATE TABLE agent_orders (
        node_id       uuid NOT NULL CONSTRAINT fk_agent_orders_node_agent REFERENCES node_agents (node_id) ON DELETE CASCADE,
        replica_id    uuid NOT NULL,
        deployment_id uuid,
        version       bigint NOT NULL,
        will          text NOT NULL,
        spec          bytea,
        fingerprint   text,
        grace_seconds integer NOT NULL,
        resume_run_at timestamptz,
        oci_runtime   text,
        acted         boolean NOT NULL DEFAULT false,
        ended_at      timestamptz,
        CONSTRAINT pk_agent_orders PRIMARY KEY (node_id, replica_id),
        CONSTRAINT ck_agent_orders_will CHECK (will IN ('run','suspend','absent')),
        CONSTRAINT ck_agent_orders_spec CHECK (will <> 'run' OR (spec IS NOT NULL AND deployment_id IS NOT NULL))
      )`);
    await runner.query(`CREATE UNIQUE INDEX uq_agent_orders_version ON agent_orders (node_id, version)`);
    await runner.query(`
      CREATE TABLE agent_accounts (
        node_id       uuid NOT NULL CONSTRAINT fk_agent_accounts_node_agent REFERENCES node_agents (node_id) ON DELETE CASCADE,
        id            uuid NOT NULL,
        noted_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT pk_agent_accounts PRIMARY KEY (node_id, id)
      )`);
    await runner.query(`
      CREATE UNLOGGED TABLE agent_calls (
        id         uuid NOT NULL CONSTRAINT pk_agent_calls PRIMARY KEY,
        node_id    uuid NOT NULL,
        call       text NOT NULL,
        arguments  jsonb NOT NULL,
        lines      bigint NOT NULL DEFAULT 0,
        holder     uuid,
        touched_at timestamptz NOT NULL DEFAULT clock_timestamp()
      )`);
    await runner.query(`CREATE INDEX ix_agent_calls_node ON agent_calls (node_id)`);
    await runner.query(`
      CREATE UNLOGGED TABLE agent_call_parts (
        call_id uuid NOT NULL CONSTRAINT fk_agent_call_parts_call REFERENCES agent_calls (id) ON DELETE CASCADE,
        number  integer NOT NULL,
        part    jsonb NOT NULL,
        CONSTRAINT pk_agent_call_parts PRIMARY KEY (call_id, number)
      )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['agent_call_parts', 'agent_calls', 'agent_accounts', 'agent_orders', 'agent_links', 'node_agents'])
      await runner.query(`DROP TABLE ${table}`);
    await runner.query(`ALTER TABLE nodes DROP CONSTRAINT ck_nodes_runtime`);
    await runner.query(`ALTER TABLE nodes ADD CONSTRAINT ck_nodes_runtime CHECK (runtime IN ('docker','kubernetes','simulated'))`);
  }
}
