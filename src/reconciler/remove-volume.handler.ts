import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit } from '../audit/audit';
import { inTransaction } from '../database/transaction';
import type { ClaimedJob, JobHandler, JobResult } from '../jobs/job-kinds';
import { NodesRepository } from '../nodes/nodes.repository';
import { DriverError } from '../runtime/runtime-driver';
import { Runtimes } from '../runtime/runtimes';
import { VolumesRepository, type RemovedVolume } from '../volumes/volumes.repository';

/** Removes volumes from their engines, and forgets each once its engine has confirmed that it is gone. */
@Injectable()
export class RemoveVolumeHandler implements JobHandler {
  readonly kind = 'volume.remove';
  readonly concurrency = 4;

  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly volumes: VolumesRepository,
    private readonly nodes: NodesRepository,
    private readonly runtimes: Runtimes,
    private readonly audit: Audit,
  ) {}

  async handle(job: ClaimedJob, signal: AbortSignal): Promise<JobResult> {
    const volume = await this.volumes.removing(job.key);
    if (!volume) return { kind: 'done' };
    try {
      const proof = await this.removeFromEngine(volume, signal);
      await this.forget(volume, proof);
      return { kind: 'done' };
    } catch (error) {
      if (!(error instanceof DriverError) || error.failure === 'aborted') throw error;
      return { kind: 'failed', words: error.message };
    }
  }

  /** How it is known that it is gone, in words. */
  private async removeFromEngine({ id, nodeId, nodeName, nodeIsGone }: RemovedVolume, signal: AbortSignal): Promise<string> {
    if (nodeId === null) return 'It was never placed, so no engine has it';
    if (nodeIsGone) return `Node ${nodeName ?? ''} was removed, so its engine could not be asked: data that is still there stays there`;
    const [target] = await this.nodes.targetsOf([nodeId]);
    const volumes = target && this.runtimes.driverFor(target.runtime)?.volumes;
    if (!target || !volumes) throw new DriverError('unreachable', `This process cannot ask the engine of node ${nodeName ?? ''}`);
    await volumes.remove(target, id, signal);
    return `The engine of node ${target.name} has confirmed that it is gone`;
  }

  private async forget({ id, name, projectId, nodeId }: RemovedVolume, proof: string): Promise<void> {
    await inTransaction(this.dataSource, async (tx) => {
      if (!(await this.volumes.forget(tx, id))) return;
      const before = { name, volume_id: id, node_id: nodeId };
      const entry = { action: 'project.volume_removed', resourceType: 'project', resourceId: projectId };
      await this.audit.recordSystem(tx, { ...entry, before, after: { proof } });
    });
  }
}
