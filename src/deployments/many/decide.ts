import type { DomainError } from '../../common/problem/domain-error';
import type { RouteLedger } from '../../routing/route-ledger';
import type { NamedRoute } from '../../routing/hosts/asked-route';
import { deployAmounts, nameInUse } from '../commands/deploy.service';
import type { QuotaTally } from '../quota';
import type { SecretValuesByName } from '../../secrets/secret-values';
import { copiedBytes, requireSecrets } from '../spec/secret-env';
import type { DeployOrder } from '../spec/deployment-spec';
import type { PlacedVolumes } from '../../scheduling/place.types';
import { plusVolumes, type NewVolume, type VolumeLedger } from '../volumes/volume-ledger';
import { orRefusal, type AskedDeployment } from './asked-deployment';

/** What the database said about the names, routes and quota of the deployments that are asked for. */
export interface Circumstances {
  readonly tally: QuotaTally;
  /** Names of live deployments of the project. */
  readonly names: ReadonlySet<string>;
  readonly routes: RouteLedger;
  /** Those of the secrets that the project has. */
  readonly secrets: SecretValuesByName;
  readonly volumes: VolumeLedger;
}

export interface Acceptance {
  readonly order: DeployOrder;
  readonly routes: readonly NamedRoute[];
  /** The volumes that it makes, and what all of its volumes say about where it may run; null without any. */
  readonly newVolumes: readonly NewVolume[];
  readonly volumes: PlacedVolumes | null;
}

export type Verdict = Acceptance | { readonly refusal: DomainError };

/**
 * Decides as if each were deployed by itself, one after the other: what one takes is taken for those after it, and what is refused
 * takes nothing. Uses up the circumstances. Touches no database.
 */
export function decide(asked: readonly AskedDeployment[], { tally, names, routes, secrets, volumes }: Circumstances): Verdict[] {
  const taken = new Set(names);
  return asked.map((each) => {
    if ('refusal' in each) return { refusal: each.refusal };
    return orRefusal(() => {
      const { order } = each;
      const { name, container, routes: wanted } = order.spec;
      requireSecrets(container, secrets);
      const demand = plusVolumes(deployAmounts(order.spec, copiedBytes(container, secrets)), volumes.missing(container));
      tally.require(demand);
      if (taken.has(name)) throw nameInUse(name);
      volumes.requireFree(container, { id: null });
      const named = routes.take({ name, ports: container.ports, asked: wanted });
      const newVolumes = volumes.take(container, { id: null, name });
      tally.add(demand);
      taken.add(name);
      return { order, routes: named, newVolumes, volumes: volumes.places(container) };
    });
  });
}
