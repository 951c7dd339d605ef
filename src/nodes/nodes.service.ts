import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Audit, type AuditEntry } from '../audit/audit';
import { DomainError, type FieldFault } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { isUuid } from '../common/uuid';
import { violatedConstraint } from '../database/postgres-error';
import { inTransaction } from '../database/transaction';
import type { Resources } from '../engines/resources';
import { ENGINE_TRAITS } from '../engines/runtime-kinds';
import { IdempotencyService } from '../idempotency/idempotency.service';
import { JobQueue } from '../jobs/job-queue';
import type { ChangeNodeDto } from './dto/change-node.dto';
import { NodeDto } from './dto/node.dto';
import type { RegisterNodeDto } from './dto/register-node.dto';
import type { RemovedNodeDto } from './dto/removed-node.dto';
import { nodeDetails } from './node-details';
import { NodeRecordsRepository } from './node-records.repository';
import { isCapacityTaken } from './nodes.repository';

interface Viewer {
  readonly isAdmin: boolean;
}

/** What people ask of nodes. Changes are one transaction; talking to the engine is the worker's. */
@Injectable()
export class NodesService {
  constructor(
    @InjectDataSource() private readonly dataSource: DataSource,
    private readonly records: NodeRecordsRepository,
    private readonly jobs: JobQueue,
    private readonly idempotency: IdempotencyService,
    private readonly audit: Audit,
  ) {}

  async list(page: { limit: number; offset: number }, viewer: Viewer): Promise<{ nodes: NodeDto[]; total: number }> {
    const { nodes, total } = await this.records.findPage(page);
    return { nodes: nodes.map((node) => NodeDto.of(node, viewer)), total };
  }

  async get(id: string, viewer: Viewer): Promise<NodeDto> {
    const node = isUuid(id) ? await this.records.find(id) : undefined;
    if (!node) throw notFound(id);
    return NodeDto.of(node, viewer);
  }

  /** The node is offline until the worker has reached its engine. */
  async register(body: RegisterNodeDto, context: RequestContext): Promise<NodeDto> {
    const faults = registrationFaults(body);
    if (faults[0]) throw new DomainError('validation_failed', `${faults[0].detail}.`, { errors: faults });
    const { name, node_type: nodeType, region, runtime, endpoint = null, labels = {} } = body;
    try {
      return await inTransaction(this.dataSource, async (tx) => {
        const node = await this.records.insert(tx, { name, nodeType, region, runtime, endpoint, labels, capacity: capacityOf(body) });
        await this.jobs.enqueue(tx, [{ kind: 'node.sync', key: node.id }]);
        await this.audit.record(tx, context, { ...nodeEntry('register', node.id), after: nodeDetails(node) });
        const dto = NodeDto.of(node, context.actor);
        await this.idempotency.storeAnswer(tx, context, { status: 201, body: dto, location: `/api/nodes/${node.id}` });
        return dto;
      });
    } catch (error) {
      if (violatedConstraint(error) === 'uq_nodes_live_name')
        throw new DomainError('already_exists', `A node named ${name} exists already`);
      throw error;
    }
  }

  /** Draining cordons too; lifting the cordon ends draining. The worker is told in the same transaction. */
  async change(id: string, body: ChangeNodeDto, context: RequestContext): Promise<NodeDto> {
    if (!isUuid(id)) throw notFound(id);
    if (body.draining === true && body.cordoned === false) {
      const detail = 'A node that drains is cordoned: leave cordoned out or set it to true';
      throw new DomainError('validation_failed', `${detail}.`, { errors: [{ pointer: '/cordoned', detail }] });
    }
    const { node_type: nodeType, region, labels, cordoned, draining } = body;
    try {
      return await inTransaction(this.dataSource, async (tx) => {
        const before = await this.records.lockRecord(tx, id);
        const node = await this.records.change(tx, id, { nodeType, region, labels, cordoned, draining, capacity: capacityOf(body) });
        if (!before || !node) throw notFound(id);
        await this.jobs.enqueue(tx, [{ kind: 'node.sync', key: id }]);
        await this.audit.record(tx, context, { ...nodeEntry('change', id), before: nodeDetails(before), after: nodeDetails(node) });
        return NodeDto.of(node, context.actor);
      });
    } catch (error) {
      if (isCapacityTaken(error)) {
        throw new DomainError('capacity_in_use', 'The replicas on the node have reserved more than this; drain it or wait until they stop');
      }
      throw error;
    }
  }

  /** For good, and only when no replica holds anything on it. */
  async remove(id: string, context: RequestContext): Promise<RemovedNodeDto> {
    if (!isUuid(id)) throw notFound(id);
    return inTransaction(this.dataSource, async (tx) => {
      const node = await this.records.lock(tx, id);
      if (!node) throw notFound(id);
      const { name, openReservations: held } = node;
      if (held > 0) {
        const words = `Node ${name} holds the reservations of ${held} ${held === 1 ? 'replica' : 'replicas'}; drain it first`;
        throw new DomainError('node_in_use', words, { members: { open_reservations: held } });
      }
      await this.records.markRemoved(tx, id);
      await this.audit.record(tx, context, { ...nodeEntry('remove', id), before: { name } });
      const answer = { success: true, node_id: id, message: `Node ${name} removed` };
      await this.idempotency.storeAnswer(tx, context, { status: 200, body: answer });
      return answer;
    });
  }
}

/** A node has no GPUs unless somebody says so; the other amounts have to be said. */
const REQUIRED_SIZES = ['cpu_cores', 'memory_mb', 'storage_gb'] as const;

const nodeEntry = (verb: 'register' | 'change' | 'remove', id: string): AuditEntry => ({
  action: `node.${verb}`,
  resourceType: 'node',
  resourceId: id,
});

const notFound = (id: string): DomainError => new DomainError('not_found', `Node ${id} not found`);

function capacityOf(body: Pick<RegisterNodeDto, 'cpu_cores' | 'memory_mb' | 'gpu_units' | 'storage_gb'>): Partial<Resources> {
  return { cpuCores: body.cpu_cores, memoryMb: body.memory_mb, gpuUnits: body.gpu_units, storageGb: body.storage_gb };
}

/** What the kind of engine needs of a registration, beyond the form of its members. */
function registrationFaults(body: RegisterNodeDto): FieldFault[] {
  const { needsEndpoint, tellsCapacity } = ENGINE_TRAITS[body.runtime];
  const fault = (field: string, words: string): FieldFault => ({
    pointer: `/${field}`,
    detail: `${field} ${words} for a ${body.runtime} node`,
  });
  const hasEndpoint = body.endpoint !== undefined;
  const missingSizes = tellsCapacity ? [] : REQUIRED_SIZES.filter((field) => body[field] === undefined);
  return [
    ...(needsEndpoint && !hasEndpoint ? [fault('endpoint', 'is required')] : []),
    ...(!needsEndpoint && hasEndpoint ? [fault('endpoint', 'must be left out')] : []),
    ...missingSizes.map((field) => fault(field, 'is required')),
  ];
}
