import { Injectable } from '@nestjs/common';
import type { AuditEntry } from '../audit/audit';
import { Commands } from '../commands/commands';
import { DomainError, type FieldFault } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { isUuid } from '../common/uuid';
import { violatedConstraint } from '../database/postgres-error';
import { nodeDetails } from './node-details';
import { changeFaults, registrationFaults } from './node-faults';
import { NodeRecordsRepository } from './node-records.repository';
import type { NewNode, NodeChange, NodeRecord } from './node.types';
import { isCapacityTaken } from './nodes.repository';

export interface RemovedNode {
  readonly id: string;
  readonly name: string;
}

/** The commands and queries about nodes. A change is one transaction; only the worker talks to engines. */
@Injectable()
export class NodesService {
  constructor(
    private readonly commands: Commands,
    private readonly records: NodeRecordsRepository,
  ) {}

  list(page: { limit: number; offset: number }): Promise<{ nodes: NodeRecord[]; total: number }> {
    return this.records.findPage(page);
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<NodeRecord> {
    const node = isUuid(id) ? await this.records.find(id) : undefined;
    if (!node) throw notFound(id);
    return node;
  }

  /** The node is offline until the worker has reached its engine. Throws `already_exists` for a live node with that name. */
  async register(newNode: NewNode, context: RequestContext): Promise<NodeRecord> {
    refuse(registrationFaults(newNode));
    try {
      return await this.commands.run(context, async (tx) => {
        const node = await this.records.insert(tx, newNode);
        const audit = { ...nodeEntry('register', node.id), after: nodeDetails(node) };
        return { outcome: node, audit, jobs: [{ kind: 'node.sync', key: node.id }] };
      });
    } catch (error) {
      if (violatedConstraint(error) !== 'uq_nodes_live_name') throw error;
      throw new DomainError('already_exists', `A node named ${newNode.name} exists already`);
    }
  }

  /**
   * Draining includes a cordon, and lifting the cordon ends draining. The wish for the worker is in the same transaction.
   * Throws `not_found`, and `capacity_in_use` for a capacity below what is reserved.
   */
  async change(id: string, change: NodeChange, context: RequestContext): Promise<NodeRecord> {
    if (!isUuid(id)) throw notFound(id);
    refuse(changeFaults(change));
    try {
      return await this.commands.run(context, async (tx) => {
        const before = await this.records.lockRecord(tx, id);
        const node = await this.records.change(tx, id, change);
        if (!before || !node) throw notFound(id);
        const audit = { ...nodeEntry('change', id), before: nodeDetails(before), after: nodeDetails(node) };
        return { outcome: node, audit, jobs: [{ kind: 'node.sync', key: id }] };
      });
    } catch (error) {
      if (!isCapacityTaken(error)) throw error;
      throw new DomainError('capacity_in_use', 'The replicas on the node have reserved more than this; drain it or wait until they stop');
    }
  }

  /** Removes the node for good, only when no replica holds anything on it. Throws `not_found` and `node_in_use`. */
  async remove(id: string, context: RequestContext): Promise<RemovedNode> {
    if (!isUuid(id)) throw notFound(id);
    return this.commands.run(context, async (tx) => {
      const node = await this.records.lock(tx, id);
      if (!node) throw notFound(id);
      const { name, openReservations: open } = node;
      if (open > 0) {
        const words = `Node ${name} holds the reservations of ${open} ${open === 1 ? 'replica' : 'replicas'}; drain it first`;
        throw new DomainError('node_in_use', words, { members: { open_reservations: open } });
      }
      await this.records.markRemoved(tx, id);
      return { outcome: { id, name }, audit: { ...nodeEntry('remove', id), before: { name } } };
    });
  }
}

const nodeEntry = (verb: 'register' | 'change' | 'remove', id: string): AuditEntry => ({
  action: `node.${verb}`,
  resourceType: 'node',
  resourceId: id,
});

const notFound = (id: string): DomainError => new DomainError('not_found', `Node ${id} not found`);

/** Throws `validation_failed` when there are faults, with the first one as its sentence. */
function refuse(faults: FieldFault[]): void {
  const [first] = faults;
  if (first) throw new DomainError('validation_failed', `${first.detail}.`, { errors: faults });
}
