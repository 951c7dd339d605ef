import type { DataSource } from 'typeorm';
import type { NodeTarget } from '../../engines/node-target';
import { lostVolume } from '../lost-volume';
import type { EngineVolumes, WorkloadVolume } from '../runtime-driver';

/** Calls an engine: throws when its node does not answer. */
type Ask = <T>(target: NodeTarget, signal: AbortSignal, work: () => Promise<T>) => Promise<T>;

/** Volumes of simulated engines: rows without any data. */
export class SimulatedVolumes implements EngineVolumes {
  constructor(
    private readonly dataSource: DataSource,
    private readonly ask: Ask,
  ) {}

  /** Throws `rejected` for one that was there before. */
  async make(nodeId: string, volumes: readonly WorkloadVolume[]): Promise<void> {
    const made = volumes.filter(({ wasMade }) => wasMade);
    const there = await this.dataSource.query<{ id: string }[]>(
      `SELECT volume_id AS id FROM simulated_volumes WHERE node_id = $1 AND volume_id = ANY($2::uuid[])`,
      [nodeId, made.map(({ id }) => id)],
    );
    const lost = made.find(({ id }) => !there.some((each) => each.id === id));
    if (lost) throw lostVolume(lost.name);
    await this.dataSource.query(
      `INSERT INTO simulated_volumes (node_id, volume_id) SELECT $1, unnest($2::uuid[]) ORDER BY 2
           ON CONFLICT (node_id, volume_id) DO NOTHING`,
      [nodeId, volumes.map(({ id }) => id)],
    );
  }

  remove(target: NodeTarget, volumeId: string, signal: AbortSignal): Promise<void> {
    return this.ask(target, signal, async () => {
      await this.dataSource.query(`DELETE FROM simulated_volumes WHERE node_id = $1 AND volume_id = $2`, [target.id, volumeId]);
    });
  }

  list(target: NodeTarget, signal: AbortSignal): Promise<readonly string[]> {
    return this.ask(target, signal, async () => {
      const rows = await this.dataSource.query<{ id: string }[]>(
        `SELECT volume_id AS id FROM simulated_volumes WHERE node_id = $1 ORDER BY volume_id`,
        [target.id],
      );
      return rows.map(({ id }) => id);
    });
  }
}
