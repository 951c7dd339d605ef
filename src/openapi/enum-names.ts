import { AUDIT_FORMATS, AUDIT_OUTCOMES } from '../admin/audit-log.dto';
import { PROBLEMS } from '../common/problem/catalog';
import { DEPLOYMENT_STATUSES, NO_STATUS } from '../deployments/domain/deployment-status';
import { ROUTE_STATES } from '../deployments/dto/route.dto';
import { HEALTH_GRADES } from '../deployments/domain/health';
import { REPLICA_STATUSES } from '../deployments/domain/replica-status';
import { ROLLOUT_FAILURE_ACTIONS, ROLLOUT_STATES } from '../deployments/domain/rollout';
import { SORT_KEYS } from '../deployments/dto/deployment-list.dto';
import { DEPLOYMENT_TYPES } from '../deployments/spec/deployment-spec';
import { RESTART_POLICIES } from '../engines/container-spec';
import { DRIVEN_KINDS, RUNTIME_KINDS } from '../engines/runtime-kinds';
import { EVENT_TYPES } from '../events/event-types';
import { REGISTRY_STATES } from '../secret-routes/dto/registry.dto';
import { SECRET_CHANGES } from '../secret-routes/secret.types';
import { SECCOMP_FILTERS, STORAGE_LIMITS } from '../nodes/dto/node-isolation.dto';
import { NODE_STATUSES } from '../nodes/node-status.sql';
import { NODE_TYPES } from '../nodes/node.types';
import { ITEM_STATES, OPERATION_KINDS, OPERATION_STATUSES } from '../operations/operation.types';
import { DEPLOYMENT_KNOWLEDGE, ORPHAN_ADVICE, ORPHAN_KINDS, ORPHAN_STATES } from '../orphans/orphan.types';
import { PURGE_BLOCK_CODES } from '../retention/purge-block';
import { RETENTION_SELECTORS } from '../retention/retention-policy';
import { ROLES } from '../rights/rights';
import { CHANGE_RESULTS } from '../rollouts/change.types';
import { REVISION_STATES } from '../rollouts/revision-state';
import { PLACEMENT_STRATEGIES } from '../scheduling/place.types';
import { VOLUME_STATES } from '../volume-routes/volume.types';
import { WAIT_CONDITIONS } from '../watching/wait-condition';

/**
 * The names that enumerations have in the document: generated clients make one type of each. A test fails for an enumeration
 * without a name.
 */
export const ENUM_NAMES: Readonly<Record<string, readonly string[]>> = {
  AuditFormat: AUDIT_FORMATS,
  AuditOutcome: AUDIT_OUTCOMES,
  AuditVia: ['session', 'api_token', 'external', 'anonymous', 'system'],
  ChangeResult: CHANGE_RESULTS,
  BulkDeployPreviewOutcome: ['created', 'refused'],
  BulkPreviewOutcome: ['deleted', 'refused'],
  DeletionState: ['running', 'waiting', 'held', 'done', 'restored'],
  DeletionStep: ['remove_route', 'drain', 'stop', 'confirm', 'release', 'notify'],
  DeletionStepState: ['pending', 'running', 'waiting', 'done', 'skipped', 'given_up'],
  DeliveryState: ['pending', 'delivered', 'dead'],
  DeploymentKnowledge: DEPLOYMENT_KNOWLEDGE,
  DeploymentSortKey: SORT_KEYS,
  DeploymentStatus: DEPLOYMENT_STATUSES,
  DeploymentType: DEPLOYMENT_TYPES,
  DrivenRuntime: DRIVEN_KINDS,
  EventType: Object.keys(EVENT_TYPES),
  Health: HEALTH_GRADES,
  ImageState: ['available', 'unavailable', 'unknown'],
  LiveDeploymentStatus: DEPLOYMENT_STATUSES.filter((status) => status !== 'deleted'),
  NodeStatus: NODE_STATUSES,
  NodeType: NODE_TYPES,
  OperationItemState: ITEM_STATES,
  OperationKind: OPERATION_KINDS,
  OperationStatus: OPERATION_STATUSES,
  OrphanAdvice: ORPHAN_ADVICE,
  OrphanKind: ORPHAN_KINDS,
  OrphanState: ORPHAN_STATES,
  ProjectRole: ROLES,
  PlacementCause: ['deploy', 'scale', 'replace', 'drain', 'restore', 'rollout'],
  PlacementStrategy: PLACEMENT_STRATEGIES,
  PortProtocol: ['tcp', 'udp'],
  PreviousDeploymentStatus: [NO_STATUS, ...DEPLOYMENT_STATUSES],
  ProblemCode: Object.keys(PROBLEMS),
  PurgeBlockCode: PURGE_BLOCK_CODES,
  Readiness: ['ready', 'not_ready', 'stopping'],
  RegistryState: REGISTRY_STATES,
  ReplicaStatus: REPLICA_STATUSES,
  RestartPolicy: RESTART_POLICIES,
  RestoredStatus: ['scheduled', 'stopped'],
  RetentionSelector: RETENTION_SELECTORS,
  RevisionState: REVISION_STATES,
  RolloutFailureAction: ROLLOUT_FAILURE_ACTIONS,
  RolloutState: ROLLOUT_STATES,
  RouteState: ROUTE_STATES,
  Runtime: RUNTIME_KINDS,
  SecretChange: SECRET_CHANGES,
  SeccompFilter: SECCOMP_FILTERS,
  SortOrder: ['asc', 'desc'],
  StorageLimit: STORAGE_LIMITS,
  VolumeState: VOLUME_STATES,
  WaitCondition: WAIT_CONDITIONS,
};
