import type { Details } from '../audit/bounded-details';
import type { OrphanView } from './orphan.types';

/** What the audit log keeps of an orphan: enough to know later what was decided about. */
export const auditedFacts = ({ kind, subject, nodeId, engineId, deploymentId, facts, state, version }: OrphanView): Details => ({
  kind,
  subject,
  node_id: nodeId,
  engine_id: engineId,
  deployment_id: deploymentId,
  name: facts.name ?? null,
  image: facts.image ?? null,
  state,
  version,
});
