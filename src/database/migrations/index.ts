import { CreateIdentity1795305600000 } from './1795305600000-create-identity';
import { CreateDeployments1795305601000 } from './1795305601000-create-deployments';
import { CreateJobs1795305602000 } from './1795305602000-create-jobs';
import { CreateSimulatedEngine1795305603000 } from './1795305603000-create-simulated-engine';

/** In the order they run. Never edit one that has landed; add the next. */
export const migrations = [
  CreateIdentity1795305600000,
  CreateDeployments1795305601000,
  CreateJobs1795305602000,
  CreateSimulatedEngine1795305603000,
];
