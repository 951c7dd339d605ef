import { PasswordLink } from './accounts/entities/password-link.entity';
import { AuditChainLink } from './audit/entities/audit-chain.entity';
import { AuditPending } from './audit/entities/audit-pending.entity';
import { AuditRecord } from './audit/entities/audit-record.entity';
import { ApiToken } from './auth/entities/api-token.entity';
import { KnownAddress } from './auth/entities/known-address.entity';
import { LoginFailuresRow } from './auth/entities/login-failures.entity';
import { RefreshToken } from './auth/entities/refresh-token.entity';
import { Session } from './auth/entities/session.entity';
import { User } from './auth/entities/user.entity';
import { ReplicaCheck } from './checks/entities/replica-check.entity';
import { ClockWatchRow } from './database/clock-watch.entity';
import { SharedSecretFingerprint } from './database/shared-secret-fingerprint.entity';
import { Deletion } from './deletions/entities/deletion.entity';
import { Deployment } from './deployments/entities/deployment.entity';
import { KeptLogRow } from './deployments/entities/kept-log.entity';
import { Placement } from './deployments/entities/placement.entity';
import { Replica } from './deployments/entities/replica.entity';
import { Reservation } from './deployments/entities/reservation.entity';
import { Resource } from './deployments/entities/resource.entity';
import { DeploymentTrouble } from './deployments/entities/trouble.entity';
import { Revision } from './deployments/entities/revision.entity';
import { Rollout } from './deployments/entities/rollout.entity';
import { StatusHistory } from './deployments/entities/status-history.entity';
import { EventFeedRow } from './events/entities/event-feed.entity';
import { FogEvent } from './events/entities/event.entity';
import { IdempotencyKey } from './idempotency/idempotency-key.entity';
import { Job } from './jobs/job.entity';
import { FogNode } from './nodes/entities/fog-node.entity';
import { NodeAgent } from './nodes/entities/node-agent.entity';
import { NodeCluster } from './nodes/entities/node-cluster.entity';
import { PurgedDeployment } from './retention/entities/purged-deployment.entity';
import { RetentionPolicyRow } from './retention/entities/retention-policy.entity';
import { DeploymentRoute } from './routing/entities/deployment-route.entity';
import { RouteTableRow } from './routing/entities/route-table.entity';
import { RouterRow } from './routing/entities/router.entity';
import { RouterWatchRow } from './routing/entities/router-watch.entity';
import { Project } from './projects/entities/project.entity';
import { ProjectGroup } from './projects/entities/project-group.entity';
import { ProjectMember } from './projects/entities/project-member.entity';
import { AddressCode } from './notifications/email/address-code.entity';
import { ConfirmedAddress } from './notifications/entities/confirmed-address.entity';
import { Delivery } from './notifications/entities/delivery.entity';
import { Subscription } from './notifications/entities/subscription.entity';
import { OperationItem } from './operations/entities/operation-item.entity';
import { Operation } from './operations/entities/operation.entity';
import { Orphan } from './orphans/entities/orphan.entity';
import { AgentAccount } from './runtime/agent/entities/agent-account.entity';
import { AgentCallPart, AgentCallRow } from './runtime/agent/entities/agent-call.entity';
import { AgentLinkRow } from './runtime/agent/entities/agent-link.entity';
import { AgentOrder } from './runtime/agent/entities/agent-order.entity';
import { SimulatedNodeFault } from './runtime/simulated/simulated-node-fault.entity';
import { ProjectSecret } from './secrets/entities/project-secret.entity';
import { Registry } from './secrets/entities/registry.entity';
import { ImagePull } from './runtime/docker/image-pull.entity';
import { SimulatedVolume } from './runtime/simulated/simulated-volume.entity';
import { SimulatedWorkload } from './runtime/simulated/simulated-workload.entity';
import { Volume } from './volumes/entities/volume.entity';

/** Every table that TypeORM knows. The migrations make the tables; test/integration/drift compares the two. */
export const entities = [
  ...[User, Session, RefreshToken, ApiToken, LoginFailuresRow, KnownAddress, PasswordLink],
  ...[
    FogNode,
    NodeCluster,
    Deployment,
    Revision,
    Rollout,
    Resource,
    Placement,
    Replica,
    ReplicaCheck,
    KeptLogRow,
    Reservation,
    Volume,
    StatusHistory,
    DeploymentTrouble,
    Deletion,
  ],
  ...[Project, ProjectGroup, ProjectMember, ProjectSecret, Registry],
  ...[Job, IdempotencyKey, SharedSecretFingerprint, ClockWatchRow],
  ...[DeploymentRoute, RouteTableRow, RouterRow, RouterWatchRow],
  ...[Operation, OperationItem, Orphan],
  ...[FogEvent, EventFeedRow, Subscription, Delivery, ConfirmedAddress, AddressCode],
  ...[RetentionPolicyRow, PurgedDeployment],
  ...[AuditRecord, AuditPending, AuditChainLink],
  ...[NodeAgent, AgentLinkRow, AgentOrder, AgentAccount, AgentCallRow, AgentCallPart],
  ...[ImagePull, SimulatedVolume, SimulatedWorkload, SimulatedNodeFault],
];
