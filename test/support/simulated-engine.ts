import type { DataSource } from 'typeorm';
import { exitReason } from '../../src/runtime/exit-reason';

/** Breaks the simulated engine on purpose, for tests and for exploring how the control plane reacts. */
export class SimulatedEngine {
  constructor(private readonly dataSource: DataSource) {}

  /** Ends the workload now, as after `kill -9` inside the container. */
  async kill(replicaId: string, exitCode = 137): Promise<void> {
    await this.dataSource.query(
      `UPDATE simulated_workloads SET exits_at = clock_timestamp(), exit_code = $2, exit_reason = $3
        WHERE replica_id = $1 AND (exits_at IS NULL OR exits_at > clock_timestamp())`,
      [replicaId, exitCode, exitReason({ code: exitCode, outOfMemory: false, memoryMb: null })],
    );
  }

  /** Removes the workload now, as if a person had removed the container by hand. */
  async vanish(replicaId: string): Promise<void> {
    await this.dataSource.query(
      `UPDATE simulated_workloads SET gone_at = clock_timestamp()
        WHERE replica_id = $1 AND (gone_at IS NULL OR gone_at > clock_timestamp())`,
      [replicaId],
    );
  }

  /** Whether the engine still has the workload, whatever is recorded of it. */
  async has(replicaId: string): Promise<boolean> {
    const rows = await this.dataSource.query<unknown[]>(
      `SELECT 1 FROM simulated_workloads WHERE replica_id = $1 AND (gone_at IS NULL OR gone_at > clock_timestamp())`,
      [replicaId],
    );
    return rows.length > 0;
  }

  /** While a node is unreachable it keeps its workloads, but answers nothing and obeys nothing. */
  async setUnreachable(nodeId: string, unreachable: boolean): Promise<void> {
    await this.dataSource.query(
      unreachable
        ? `INSERT INTO simulated_node_faults (node_id) VALUES ($1) ON CONFLICT ON CONSTRAINT pk_simulated_node_faults DO NOTHING`
        : `DELETE FROM simulated_node_faults WHERE node_id = $1`,
      [nodeId],
    );
  }
}
