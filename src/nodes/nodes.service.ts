import { Injectable } from '@nestjs/common';
import type { AuditEntry } from '../audit/audit';
import { SecretBox } from '../common/crypto/secret-box';
import { Commands } from '../commands/commands';
import { DomainError, type FieldFault } from '../common/problem/domain-error';
import type { RequestContext } from '../common/request-context';
import { isUuid } from '../common/uuid';
import { AppConfig } from '../config/app-config';
import type { Tx } from '../database/transaction';
import { IN_CLUSTER, kubeconfigContext, type KubeconfigTrust } from '../engines/kubeconfig';
import { violatedConstraint } from '../database/postgres-error';
import { ENGINE_TRAITS } from '../engines/runtime-kinds';
import { JoinTokens } from './join-tokens';
import { nodeDetails } from './node-details';
import { changeFaults, entranceFaults, kubeconfigFaults, ociRuntimeFaults, registrationFaults, TWO_ENTRANCES } from './node-faults';
import { NodeRecordsRepository } from './node-records.repository';
import type { NewNode, NodeChange, NodeRecord, OpenedJoin, RegisteredNode } from './node.types';
import { isCapacityTaken } from './nodes.repository';

const DEFAULT_NAMESPACE = 'fog-compute';

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
    private readonly box: SecretBox,
    private readonly joinTokens: JoinTokens,
    private readonly config: AppConfig,
  ) {}

  private get trust(): KubeconfigTrust {
    return { ofMachine: this.config.KUBECONFIG_EXEC_AND_FILES };
  }

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
  async register(newNode: NewNode, context: RequestContext): Promise<RegisteredNode> {
    refuse(registrationFaults(newNode, this.trust));
    try {
      return await this.commands.run(context, async (tx) => {
        const node = await this.insert(tx, newNode);
        const join = ENGINE_TRAITS[newNode.runtime].joins ? await this.joinTokens.open(tx, node.id) : null;
        const audit = { ...nodeEntry('register', node.id), after: nodeDetails(node) };
        return { outcome: { node, join }, audit, jobs: [{ kind: 'node.sync', key: node.id }] };
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
        if (!before) throw notFound(id);
        refuse([...ociRuntimeFaults(change, before), ...kubeconfigFaults(change, before, this.trust), ...entranceFaults(change, before)]);
        if (change.kubeconfig !== undefined) await this.records.changeKubeconfig(tx, id, this.sealed(id, change.kubeconfig));
        if (change.ingressClass !== undefined || change.gateway !== undefined) await this.records.changeEntrance(tx, id, change);
        const node = await this.records.change(tx, id, change);
        if (!node) throw notFound(id);
        const audit = { ...nodeEntry('change', id), before: nodeDetails(before), after: nodeDetails(node) };
        // Routes lead to addresses.
        const moved = before.address === node.address ? [] : await this.records.deploymentsOn(tx, id);
        const wakes = moved.map((key) => ({ kind: 'deployment.reconcile' as const, key }));
        return { outcome: node, audit, jobs: [{ kind: 'node.sync' as const, key: id }, ...wakes] };
      });
    } catch (error) {
      // Somebody else has set the other one in this moment.
      if (violatedConstraint(error) === 'ck_node_clusters_entrance') refuse(TWO_ENTRANCES);
      if (!isCapacityTaken(error)) throw error;
      throw new DomainError('capacity_in_use', 'The replicas on the node have reserved more than this; drain it or wait until they stop');
    }
  }

  /**
   * Makes another join token for a node whose machine was rebuilt, or never joined. The machine of before is shut out at once, and the
   * next engine that answers is taken for the node's own. Throws `not_found`, and `conflict` for a node whose machine does not join.
   */
  async rejoin(id: string, context: RequestContext): Promise<OpenedJoin> {
    if (!isUuid(id)) throw notFound(id);
    return this.commands.run(context, async (tx) => {
      const node = await this.records.lockRecord(tx, id);
      if (!node) throw notFound(id);
      const { name, runtime } = node;
      if (!ENGINE_TRAITS[runtime].joins) throw new DomainError('conflict', `Node ${name} is of kind ${runtime}: no machine joins it`);
      const join = await this.joinTokens.reopen(tx, id);
      const audit = { ...nodeEntry('rejoin', id), after: { expires_at: join.expiresAt.toISOString() } };
      return { outcome: join, audit, jobs: [{ kind: 'node.sync', key: id }] };
    });
  }

  private async insert(tx: Tx, newNode: NewNode): Promise<NodeRecord> {
    const node = await this.records.insert(tx, newNode);
    const { kubeconfig, namespace = DEFAULT_NAMESPACE, nodeSelector = {}, ingressClass = null, gateway = null } = newNode.cluster;
    if (kubeconfig === undefined) return node;
    const cluster = { namespace, nodeSelector, ingressClass, gateway };
    await this.records.insertCluster(tx, node.id, cluster, this.sealed(node.id, kubeconfig));
    return { ...node, cluster };
  }

  private sealed(nodeId: string, kubeconfig: string): Buffer | null {
    return kubeconfig === IN_CLUSTER ? null : this.box.seal(kubeconfig, kubeconfigContext(nodeId));
  }

  /** Removes the node for good, only when no replica holds anything on it. Throws `not_found` and `node_in_use`. */
  async remove(id: string, context: RequestContext): Promise<RemovedNode> {
    if (!isUuid(id)) throw notFound(id);
    return this.commands.run(context, async (tx) => {
      const node = await this.records.lock(tx, id);
      if (!node) throw notFound(id);
      const { name, openReservations: open, volumes } = node;
      if (open > 0) {
        const words = `Node ${name} holds the reservations of ${open} ${open === 1 ? 'replica' : 'replicas'}; drain it first`;
        throw new DomainError('node_in_use', words, { members: { open_reservations: open } });
      }
      if (volumes > 0) {
        const words = `Node ${name} has the data of ${volumes} ${volumes === 1 ? 'volume' : 'volumes'}; delete what mounts them, and them, first`;
        throw new DomainError('node_in_use', words, { members: { open_reservations: 0, volumes } });
      }
      await this.records.markRemoved(tx, id);
      await this.joinTokens.forget(tx, id);
      return { outcome: { id, name }, audit: { ...nodeEntry('remove', id), before: { name } } };
    });
  }
}

const nodeEntry = (verb: 'register' | 'change' | 'remove' | 'rejoin', id: string): AuditEntry => ({
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
