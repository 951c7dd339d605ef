import { CreateIdentity1795305600000 } from './1795305600000-create-identity';
import { CreateDeployments1795305601000 } from './1795305601000-create-deployments';
import { CreateJobs1795305602000 } from './1795305602000-create-jobs';
import { CreateSimulatedEngine1795305603000 } from './1795305603000-create-simulated-engine';
import { CreateDeletions1795305605000 } from './1795305605000-create-deletions';
import { CreateAudit1795305606000 } from './1795305606000-create-audit';
import { CreateEvents1795305607000 } from './1795305607000-create-events';
import { CreateOperations1795305608000 } from './1795305608000-create-operations';
import { CreateRetention1795305609000 } from './1795305609000-create-retention';
import { SetPurgeTimes1795305610000 } from './1795305610000-set-purge-times';
import { AllowRestores1795305611000 } from './1795305611000-allow-restores';
import { ConfirmAddresses1795305612000 } from './1795305612000-confirm-addresses';
import { LoginFailures1795305613000 } from './1795305613000-login-failures';
import { CreateRevisions1795305614000 } from './1795305614000-create-revisions';
import { FillRevisions1795305615000 } from './1795305615000-fill-revisions';
import { RenameColumns1795305620000 } from './1795305620000-rename-columns';
import { UseRevisions1795305620500 } from './1795305620500-use-revisions';
import { CheckReplicaRevisions1795305620600 } from './1795305620600-check-replica-revisions';
import { DropUnusedColumns1795305621000 } from './1795305621000-drop-unused-columns';
import { RenameSubscriptionVersion1795305622000 } from './1795305622000-rename-subscription-version';

/** In the order they run. Never edit one that has landed; add the next. */
export const migrations = [
  CreateIdentity1795305600000,
  CreateDeployments1795305601000,
  CreateJobs1795305602000,
  CreateSimulatedEngine1795305603000,
  CreateDeletions1795305605000,
  CreateAudit1795305606000,
  CreateEvents1795305607000,
  CreateOperations1795305608000,
  CreateRetention1795305609000,
  SetPurgeTimes1795305610000,
  AllowRestores1795305611000,
  ConfirmAddresses1795305612000,
  LoginFailures1795305613000,
  CreateRevisions1795305614000,
  FillRevisions1795305615000,
  RenameColumns1795305620000,
  UseRevisions1795305620500,
  CheckReplicaRevisions1795305620600,
  DropUnusedColumns1795305621000,
  RenameSubscriptionVersion1795305622000,
];
