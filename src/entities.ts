import { ApiToken } from './auth/entities/api-token.entity';
import { RefreshToken } from './auth/entities/refresh-token.entity';
import { Session } from './auth/entities/session.entity';
import { User } from './auth/entities/user.entity';
import { Deployment } from './deployments/entities/deployment.entity';
import { Placement } from './deployments/entities/placement.entity';
import { Replica } from './deployments/entities/replica.entity';
import { Reservation } from './deployments/entities/reservation.entity';
import { Resource } from './deployments/entities/resource.entity';
import { StatusHistory } from './deployments/entities/status-history.entity';
import { IdempotencyKey } from './idempotency/idempotency-key.entity';
import { Job } from './jobs/job.entity';
import { FogNode } from './nodes/entities/fog-node.entity';
import { SimulatedNodeFault } from './runtime/simulated/simulated-node-fault.entity';
import { SimulatedWorkload } from './runtime/simulated/simulated-workload.entity';

/** Every table that TypeORM knows. The migrations make the tables; test/integration/drift compares the two. */
export const entities = [
  ...[User, Session, RefreshToken, ApiToken],
  ...[FogNode, Deployment, Resource, Placement, Replica, Reservation, StatusHistory],
  ...[Job, IdempotencyKey],
  ...[SimulatedWorkload, SimulatedNodeFault],
];
