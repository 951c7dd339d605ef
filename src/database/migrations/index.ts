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
import { ShowFreeDisk1795830000000 } from './1795830000000-show-free-disk';
import { ShowIsolation1795831000000 } from './1795831000000-show-isolation';
import { TakeTurns1795832000000 } from './1795832000000-take-turns';
import { WatchClock1795832100000 } from './1795832100000-watch-clock';
import { WeighOperations1795833000000 } from './1795833000000-weigh-operations';
import { WeighDeployments1795833001000 } from './1795833001000-weigh-deployments';
import { DescribeReplicaRuns1795834000000 } from './1795834000000-describe-replica-runs';
import { CreateKeptLogs1795834001000 } from './1795834001000-create-kept-logs';
import { DescribeReplicaEnds1795834002000 } from './1795834002000-describe-replica-ends';
import { NoteSharedSecrets1795837000000 } from './1795837000000-note-shared-secrets';
import { TellOfHealth1795838000000 } from './1795838000000-tell-of-health';
import { CheckHistoryEvents1795838000500 } from './1795838000500-check-history-events';
import { CreateRollouts1795840000000 } from './1795840000000-create-rollouts';
import { CheckRolloutRows1795840000500 } from './1795840000500-check-rollout-rows';
import { FindPausedReplicas1795840001000 } from './1795840001000-find-paused-replicas';
import { AddressNodes1795842000000 } from './1795842000000-address-nodes';
import { CreateReplicaChecks1795842100000 } from './1795842100000-create-replica-checks';
import { CreateRoutes1795843000000 } from './1795843000000-create-routes';
import { LoseNodes1795845000000 } from './1795845000000-lose-nodes';
import { PaceSimulatedLogs1795910000000 } from './1795910000000-pace-simulated-logs';
import { DeployMany1795920000000 } from './1795920000000-deploy-many';
import { CheckOperations1795920000500 } from './1795920000500-check-operations';
import { IndexLabels1795920001000 } from './1795920001000-index-labels';
import { FindLabels1795920001500 } from './1795920001500-find-labels';
import { CreateOrphans1795930000000 } from './1795930000000-create-orphans';
import { CreateNodeClusters1795950000000 } from './1795950000000-create-node-clusters';
import { LeadIntoClusters1796200000000 } from './1796200000000-lead-into-clusters';
import { TellTroubleOfNodes1796300000000 } from './1796300000000-tell-trouble-of-nodes';
import { CreateProjects1796400000000 } from './1796400000000-create-projects';
import { FillProjects1796400000500 } from './1796400000500-fill-projects';
import { RequireProjects1796400001000 } from './1796400001000-require-projects';
import { CheckProjects1796400001500 } from './1796400001500-check-projects';
import { IndexProjects1796400002000 } from './1796400002000-index-projects';
import { UseProjects1796400002500 } from './1796400002500-use-projects';
import { TellMembers1796400003000 } from './1796400003000-tell-members';
import { CreatePasswordLinks1796500000000 } from './1796500000000-create-password-links';
import { CreateAgents1796600000000 } from './1796600000000-create-agents';
import { TellOfHealing1796600001000 } from './1796600001000-tell-of-healing';
import { CheckHealing1796600001500 } from './1796600001500-check-healing';
import { SealEnv1796700000000 } from './1796700000000-seal-env';
import { IndexPlainEnv1796700000500 } from './1796700000500-index-plain-env';
import { CreateSecrets1796700001000 } from './1796700001000-create-secrets';
import { IndexSecretEnv1796700001500 } from './1796700001500-index-secret-env';
import { CreateRegistries1796700002000 } from './1796700002000-create-registries';
import { KeepQuotas1796800000000 } from './1796800000000-keep-quotas';
import { CountPorts1796800000500 } from './1796800000500-count-ports';
import { BindTokens1796800001000 } from './1796800001000-bind-tokens';
import { MapGroups1796800002000 } from './1796800002000-map-groups';
import { IndexAccounts1796900000000 } from './1796900000000-index-accounts';
import { IndexGroups1796910000000 } from './1796910000000-index-groups';
import { RotateKeys1796920000000 } from './1796920000000-rotate-keys';
import { NoteFailedPulls1796920001000 } from './1796920001000-note-failed-pulls';
import { CreateVolumes1796930000000 } from './1796930000000-create-volumes';
import { IndexVolumes1796930000500 } from './1796930000500-index-volumes';
import { EndPurgedOrders1796940000000 } from './1796940000000-end-purged-orders';
import { NoteSessions1796943000000 } from './1796943000000-note-sessions';
import { IndexOpenReservations1796950000000 } from './1796950000000-index-open-reservations';
import { ShowLargestMachine1796950000003 } from './1796950000003-show-largest-machine';
import { WatchRouters1796955000000 } from './1796955000000-watch-routers';
import { RefuseTransactions1796960000000 } from './1796960000000-refuse-transactions';
import { LookUpEventDeployments1796970000000 } from './1796970000000-look-up-event-deployments';
import { SharePullTurns1796980000000 } from './1796980000000-share-pull-turns';

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
  ShowFreeDisk1795830000000,
  ShowIsolation1795831000000,
  TakeTurns1795832000000,
  WatchClock1795832100000,
  WeighOperations1795833000000,
  WeighDeployments1795833001000,
  DescribeReplicaRuns1795834000000,
  CreateKeptLogs1795834001000,
  DescribeReplicaEnds1795834002000,
  NoteSharedSecrets1795837000000,
  TellOfHealth1795838000000,
  CheckHistoryEvents1795838000500,
  CreateRollouts1795840000000,
  CheckRolloutRows1795840000500,
  FindPausedReplicas1795840001000,
  AddressNodes1795842000000,
  CreateReplicaChecks1795842100000,
  CreateRoutes1795843000000,
  LoseNodes1795845000000,
  PaceSimulatedLogs1795910000000,
  DeployMany1795920000000,
  CheckOperations1795920000500,
  IndexLabels1795920001000,
  FindLabels1795920001500,
  CreateOrphans1795930000000,
  CreateNodeClusters1795950000000,
  LeadIntoClusters1796200000000,
  TellTroubleOfNodes1796300000000,
  CreateProjects1796400000000,
  FillProjects1796400000500,
  RequireProjects1796400001000,
  CheckProjects1796400001500,
  IndexProjects1796400002000,
  UseProjects1796400002500,
  TellMembers1796400003000,
  CreatePasswordLinks1796500000000,
  CreateAgents1796600000000,
  TellOfHealing1796600001000,
  CheckHealing1796600001500,
  SealEnv1796700000000,
  IndexPlainEnv1796700000500,
  CreateSecrets1796700001000,
  IndexSecretEnv1796700001500,
  CreateRegistries1796700002000,
  KeepQuotas1796800000000,
  CountPorts1796800000500,
  BindTokens1796800001000,
  MapGroups1796800002000,
  IndexAccounts1796900000000,
  IndexGroups1796910000000,
  RotateKeys1796920000000,
  NoteFailedPulls1796920001000,
  CreateVolumes1796930000000,
  IndexVolumes1796930000500,
  EndPurgedOrders1796940000000,
  NoteSessions1796943000000,
  IndexOpenReservations1796950000000,
  ShowLargestMachine1796950000003,
  WatchRouters1796955000000,
  RefuseTransactions1796960000000,
  LookUpEventDeployments1796970000000,
  SharePullTurns1796980000000,
];
