import { Injectable } from '@nestjs/common';
import type { Actor } from '../common/request-context';
import { AppConfig } from '../config/app-config';
import { retentionFor } from '../retention/retention-policy';
import { deletionRefusal, holdOf, type DeletionOptions } from './deletion-decision';
import { DeletionPreviewRepository, type PreviewFacts, type PreviewReplica } from './deletion-preview.repository';
import { DeletionPreviewDto, type PreviewNodeDto } from './dto/deletion-preview.dto';
import { etagOf } from '../deployments/etag';

const MS_PER_DAY = 86_400_000;
const NOTHING = { cpu_cores: 0, memory_mb: 0, gpu_units: 0, storage_gb: 0 };

/** Tells what a delete would do now. Writes nothing. */
@Injectable()
export class DeletionPreviewService {
  constructor(
    private readonly previews: DeletionPreviewRepository,
    private readonly config: AppConfig,
  ) {}

  /** Throws what the delete itself would throw, except for protection and legal hold, which the answer contains. */
  async preview(id: string, options: DeletionOptions, actor: Actor): Promise<DeletionPreviewDto> {
    const facts = await this.previews.facts(id, actor);
    const error = deletionRefusal(facts, options.ifMatch);
    if (error) throw error;
    if (!facts) throw new Error('A deployment that is missing was not refused');
    const { days, words } = retentionFor(facts.retentionPolicies, facts, this.config.RETENTION_DAYS);
    const hold = holdOf(facts);
    const nodes = byNode(facts.replicas);
    const warmUntil = warmUntilOf(facts, options);
    return {
      dry_run: true,
      deployment_id: id,
      name: facts.name,
      status: facts.status,
      etag: etagOf(facts.version),
      replicas: countBy(facts.replicas),
      nodes,
      unreachable_nodes: nodes.filter(({ reachable }) => !reachable).map(({ node_name }) => node_name),
      ports: facts.replicas.flatMap(portsOf),
      keeps_volumes: [...facts.volumes],
      frees_name: facts.name,
      grace_seconds: options.graceSeconds,
      force: options.force,
      held_until: warmUntil?.toISOString() ?? null,
      purge_at: new Date(facts.now.getTime() + days * MS_PER_DAY).toISOString(),
      retention_policy: words,
      would_be_refused: hold && { code: hold.code, detail: hold.detail },
      warnings: warningsOf(nodes, warmUntil, options.force && actor.isAdmin),
    };
  }
}

/** Null when nothing would be kept warm: only containers that run are. */
function warmUntilOf({ now, replicas }: PreviewFacts, { keepWarmSeconds }: DeletionOptions): Date | null {
  const isKept = keepWarmSeconds > 0 && replicas.some(({ status }) => status === 'running');
  return isKept ? new Date(now.getTime() + keepWarmSeconds * 1000) : null;
}

function byNode(replicas: readonly PreviewReplica[]): PreviewNodeDto[] {
  const groups = new Map<string, PreviewReplica[]>();
  for (const replica of replicas) groups.set(replica.nodeId, [...(groups.get(replica.nodeId) ?? []), replica]);
  return [...groups].map(([nodeId, placed]) => ({
    node_id: nodeId,
    node_name: placed[0]?.nodeName ?? '',
    reachable: placed[0]?.online ?? false,
    replicas: countBy(placed),
    would_free: placed.reduce((sum, { holds }) => (holds ? add(sum, holds) : sum), NOTHING),
  }));
}

type Amounts = typeof NOTHING;
/** Rounded to the three decimals that cores have, because sums of floating-point numbers may show more. */
const add = (a: Amounts, b: Amounts): Amounts => ({
  cpu_cores: Math.round((a.cpu_cores + b.cpu_cores) * 1000) / 1000,
  memory_mb: a.memory_mb + b.memory_mb,
  gpu_units: a.gpu_units + b.gpu_units,
  storage_gb: a.storage_gb + b.storage_gb,
});

function countBy(replicas: readonly PreviewReplica[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of replicas) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

const portsOf = ({ id, nodeName, published }: PreviewReplica): DeletionPreviewDto['ports'] =>
  published.map((port) => ({
    replica_id: id,
    node_name: nodeName,
    container_port: port.containerPort,
    protocol: port.protocol,
    host_ip: port.hostIp,
    host_port: port.hostPort,
  }));

function warningsOf(nodes: readonly PreviewNodeDto[], warmUntil: Date | null, isForced: boolean): string[] {
  const away = nodes.filter(({ reachable }) => !reachable);
  const fate = isForced ? 'what it holds would be given up' : 'the stop would wait until it returns';
  return [
    ...away.map(({ node_name }) => `Node ${node_name} does not answer: ${fate}`),
    ...(warmUntil ? [`Capacity of running replicas would be held until ${warmUntil.toISOString()}`] : []),
  ];
}
