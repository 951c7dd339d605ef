import { AuditChainLink } from './audit/entities/audit-chain.entity';
import { AuditPending } from './audit/entities/audit-pending.entity';
import { AuditRecord } from './audit/entities/audit-record.entity';
import { ApiToken } from './auth/entities/api-token.entity';
import { LoginFailuresRow } from './auth/entities/login-failures.entity';
import { RefreshToken } from './auth/entities/refresh-token.entity';
import { Session } from './auth/entities/session.entity';
import { User } from './auth/entities/user.entity';
import { Deletion } from './deletions/entities/deletion.entity';
import { Deployment } from './deployments/entities/deployment.entity';
import { Placement } from './deployments/entities/placement.entity';
import { Replica } from './deployments/entities/replica.entity';
import { Reservation } from './deployments/entities/reservation.entity';
import { Resource } from './deployments/entities/resource.entity';
import { Revision } from './deployments/entities/revision.entity';
import { StatusHistory } from './deployments/entities/status-history.entity';
import { EventFeedRow } from './events/entities/event-feed.entity';
import { FogEvent } from './events/entities/event.entity';
import { IdempotencyKey } from './idempotency/idempotency-key.entity';
import { Job } from './jobs/job.entity';
import { FogNode } from './nodes/entities/fog-node.entity';
import { PurgedDeployment } from './retention/entities/purged-deployment.entity';
import { RetentionPolicyRow } from './retention/entities/retention-policy.entity';
import { AddressCode } from './notifications/email/address-code.entity';
import { ConfirmedAddress } from './notifications/entities/confirmed-address.entity';
import { Delivery } from './notifications/entities/delivery.entity';
import { Subscription } from './notifications/entities/subscription.entity';
import { OperationItem } from './operations/entities/operation-item.entity';
import { Operation } from './operations/entities/operation.entity';
import { SimulatedNodeFault } from './runtime/simulated/simulated-node-fault.entity';
import { SimulatedWorkload } from './runtime/simulated/simulated-workload.entity';

/** Every table that TypeORM knows. The migrations make the tables; test/integration/drift compares the two. */
export const entities = [
  ...[User, Session, RefreshToken, ApiToken, LoginFailuresRow],
  ...[FogNode, Deployment, Revision, Resource, Placement, Replica, Reservation, StatusHistory, Deletion],
  ...[Job, IdempotencyKey],
  ...[Operation, OperationItem],
  ...[FogEvent, EventFeedRow, Subscription, Delivery, ConfirmedAddress, AddressCode],
  ...[RetentionPolicyRow, PurgedDeployment],
  ...[AuditRecord, AuditPending, AuditChainLink],
  ...[SimulatedWorkload, SimulatedNodeFault],
];
