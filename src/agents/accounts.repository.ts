import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { inTransaction } from '../database/transaction';
import { ReplicasRepository, type ReplicaRestart } from '../deployments/replicas.repository';
import type { Account } from '../runtime/agent/link-messages';

/**
 * So many accounts of a node are noted within an hour: more than an agent keeps while its link is away. What a machine says beyond that
 * would fill the history of its deployments and the feed.
 */
const MOST_PER_HOUR = 2_000;

/** A difference of the clocks that is worth telling. */
const WORTH_TELLING_SECONDS = 60;

/**
 * Writes into the history of deployments what machines did by themselves while their links were away, and counts on from there: what fails
 * next is replaced after the pause that follows.
 */
@Injectable()
export class AccountsRepository {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly replicas: ReplicasRepository,
  ) {}

  /**
   * Notes each account once, however often it is told. An agent can tell only of replicas of its own node, and only over the link with
   * this epoch: false, and nothing is noted, once that is no longer the one of the node.
   */
  async note(nodeId: string, epoch: number, accounts: readonly Account[]): Promise<boolean> {
    if (accounts.length === 0) return true;
    return inTransaction(this.dataSource, async (tx) => {
      const owners = await tx.query<{ replicaId: string; deploymentId: string }[]>(
        `SELECT r.id AS "replicaId", r.deployment_id AS "deploymentId" FROM deployment_replicas AS r
          WHERE r.id = ANY($2::uuid[]) AND r.node_id = $1`,
        [nodeId, accounts.map(({ replicaId }) => replicaId)],
      );
      await tx.query(LOCK, [owners.map(({ deploymentId }) => deploymentId)]);
      await tx.query(LOCK_REPLICAS, [owners.map(({ replicaId }) => replicaId)]);
      const links = await tx.query<unknown[]>(LOCK_LINK, [nodeId, epoch]);
      if (links.length === 0) return false;
      const own = new Set(owners.map(({ replicaId }) => replicaId));
      const told = accounts.filter(({ replicaId }) => own.has(replicaId));
      const noted = await tx.query<{ id: string }[]>(NOTE, [nodeId, JSON.stringify(told), WORTH_TELLING_SECONDS, MOST_PER_HOUR]);
      await this.replicas.noteRestarts(tx, restartsOf(told, new Set(noted.map(({ id }) => id))));
      await tx.query(FORGET, [nodeId]);
      return true;
    });
  }
}

/** The last restart of each replica among those that are news. */
function restartsOf(told: readonly Account[], news: ReadonlySet<string>): ReplicaRestart[] {
  const last = new Map<string, ReplicaRestart>();
  for (const { id, replicaId, agoMs, attempt } of told)
    if (news.has(id) && attempt != null) last.set(replicaId, { replicaId, attempt, agoMs });
  return [...last.values()];
}

/** An agent that tells of something that long ago has told of it before. */
const FORGET = `DELETE FROM agent_accounts WHERE node_id = $1 AND noted_at < clock_timestamp() - interval '60 days'`;

const LOCK = `SELECT 1 FROM deployments WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE`;

const LOCK_REPLICAS = `SELECT 1 FROM deployment_replicas WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE`;

/** $1 node, $2 epoch. Reports of one node wait here for each other, so that what they tell is counted. */
const LOCK_LINK = `SELECT 1 FROM agent_links WHERE node_id = $1 AND epoch = $2 FOR NO KEY UPDATE`;

const utc = (time: string): string => `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;

/**
 * $1 node, $2 accounts, $3 seconds by which a clock may be wrong without a word, $4 how many accounts an hour may have. The time is
 * ours, less how long ago it was; the clock of the machine is told beside it where it differs, and alone where the machine has been
 * restarted since. Gives the accounts that were not known.
 */
const NOTE = `
  WITH told AS (
    SELECT a.*, clock_timestamp() - a."agoMs" * interval '1 millisecond' AS ours
      FROM jsonb_to_recordset($2::jsonb) AS a(id uuid, "replicaId" uuid, at timestamptz, "agoMs" float8, words text)),
  fresh AS (
    INSERT INTO agent_accounts (node_id, id)
    SELECT $1, id FROM told
     WHERE NOT EXISTS (SELECT 1 FROM agent_accounts AS known WHERE known.node_id = $1 AND known.id = told.id)
     LIMIT greatest(0, $4 - (SELECT count(*) FROM agent_accounts
                              WHERE node_id = $1 AND noted_at > clock_timestamp() - interval '1 hour'))
        ON CONFLICT DO NOTHING RETURNING id),
  history AS (
    INSERT INTO deployment_status_history (deployment_id, old_status, new_status, reason, event)
    SELECT d.id, d.status, d.status,
           'Node ' || n.name || ', while its link was away: ' || told.words || ' (' ||
           CASE WHEN told.ours IS NULL THEN 'at ' || ${utc('told.at')} || ' by the clock of the machine'
                WHEN abs(extract(epoch FROM told.ours - told.at)) > $3
                  THEN 'at ' || ${utc('told.ours')} || '; ' || ${utc('told.at')} || ' by the clock of the machine'
                ELSE 'at ' || ${utc('told.ours')} END || ')', 'healed'
      FROM fresh JOIN told ON told.id = fresh.id
      JOIN deployment_replicas AS r ON r.id = told."replicaId" AND r.node_id = $1
      JOIN deployments AS d ON d.id = r.deployment_id
      JOIN nodes AS n ON n.id = $1
     WHERE d.status <> 'deleted'
     ORDER BY told.ours NULLS FIRST, told.at)
  SELECT id FROM fresh`;
