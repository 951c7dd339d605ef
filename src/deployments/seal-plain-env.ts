import type { EntityManager } from 'typeorm';
import type { SecretBox } from '../common/crypto/secret-box';
import { sealEnvFromNowOn } from '../database/sealing-state';
import type { ContainerSpec } from '../engines/container-spec';
import { sealedContainer } from './spec/container-vault';

interface PlainRow {
  readonly id: string;
  readonly number: number;
  readonly spec: ContainerSpec;
}

const BATCH = 200;

/**
 * Encrypts values of `env` in revisions of before, and gives the number of revisions: less than `SEALED_AT_ONCE` once none is left. Others may
 * write at the same time; a revision that is forgotten meanwhile stays so.
 */
export async function sealPlainEnv(manager: EntityManager, box: SecretBox): Promise<number> {
  const rows = await manager.query<PlainRow[]>(PLAIN, [BATCH]);
  const sealed = rows.map(({ id, number, spec }) => ({ id, number, ...sealedContainer(box, spec, id) }));
  if (sealed.length > 0) {
    await manager.query(SEAL, [
      sealed.map(({ id }) => id),
      sealed.map(({ number }) => number),
      sealed.map(({ spec }) => spec),
      sealed.map((row) => row.sealed?.toString('base64')),
    ]);
  }
  return rows.length;
}

export const SEALED_AT_ONCE = BATCH;

/**
 * From now on values of `env` are encrypted, and those of before are now, in batches. Says so after every tenth batch and at the end.
 * What is broken off is taken up by the next call, or by the background.
 */
export async function sealAllEnv(manager: EntityManager, box: SecretBox, say: (words: string) => void): Promise<void> {
  await sealEnvFromNowOn(manager);
  let done = 0;
  for (let batch = 1; ; batch++) {
    const sealed = await sealPlainEnv(manager, box);
    done += sealed;
    if (sealed < BATCH) break;
    if (batch % 10 === 0) say(`${done} revisions: the values of env are encrypted`);
  }
  say(done === 0 ? 'All values of env are encrypted.' : `All values of env are encrypted: ${done} revisions were not yet.`);
}

/** $1 how many. */
const PLAIN = `
  SELECT deployment_id AS id, number, spec FROM deployment_revisions WHERE spec->'env' <> '{}'
   ORDER BY deployment_id, number LIMIT $1`;

/** $1 deployments, $2 numbers, $3 specs, $4 encrypted values in base64. */
const SEAL = `
  UPDATE deployment_revisions AS v SET spec = s.spec::jsonb, env_sealed = decode(s.sealed, 'base64')
    FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[]) AS s(id, number, spec, sealed)
   WHERE v.deployment_id = s.id AND v.number = s.number AND v.spec->'env' <> '{}'`;
