import { DomainError } from '../../common/problem/domain-error';
import { isUuid } from '../../common/uuid';
import { HEALTH_GRADES, type Health } from '../domain/health';
import { LABEL_NAME } from '../dto/deploy-request.dto';
import type { ListQueryDto } from '../dto/deployment-list.dto';
import { DEPLOYMENT_TYPES, type DeploymentType } from '../spec/deployment-spec';

/** What a list shows only, besides what it shares with the selection of a bulk operation. Null: any. */
export interface Narrowing {
  /** Names of labels that all must be there. */
  readonly labelNames: readonly string[] | null;
  /** Labels that all must be there with these values. */
  readonly labels: Readonly<Record<string, string>> | null;
  readonly type: DeploymentType | null;
  /** Part of the image reference of the current revision, in any case. */
  readonly image: string | null;
  readonly health: Health | null;
  /** A node that holds one of its replicas. */
  readonly nodeId: string | null;
}

/** Reads the filters by label, type, image, health and node. Throws `invalid_request` with a message of their own. */
export function readNarrowing({ label = [], type, image, health, node_id: nodeId }: ListQueryDto): Narrowing {
  if (nodeId !== undefined && !isUuid(nodeId)) throw fault('node_id', 'Invalid node_id. Must be a UUID');
  return {
    ...readLabels(label),
    type: type === undefined ? null : oneOf('type', type, DEPLOYMENT_TYPES),
    image: image === undefined || image === '' ? null : image,
    health: health === undefined ? null : oneOf('health', health, HEALTH_GRADES),
    nodeId: nodeId?.toLowerCase() ?? null,
  };
}

function readLabels(asked: readonly string[]): Pick<Narrowing, 'labelNames' | 'labels'> {
  const names = new Set<string>();
  const labels = new Map<string, string>();
  for (const text of asked) {
    const [name = ''] = text.split('=', 1);
    if (!LABEL_NAME.test(name)) throw fault('label', 'Invalid label. Must be name or name=value');
    if (name === text) {
      names.add(name);
      continue;
    }
    const value = text.slice(name.length + 1);
    if (labels.has(name) && labels.get(name) !== value) throw fault('label', `Invalid label. ${name} is asked for with two values`);
    labels.set(name, value);
  }
  return { labelNames: names.size === 0 ? null : [...names], labels: labels.size === 0 ? null : Object.fromEntries(labels) };
}

function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw fault(name, `Invalid ${name}. Must be one of: ${allowed.join(', ')}`);
  return found;
}

const fault = (pointer: string, detail: string): DomainError =>
  new DomainError('invalid_request', detail, { errors: [{ pointer, detail }] });
