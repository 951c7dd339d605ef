import { filesIn, isSlot, SIMULATED_BACKEND } from './configuration';
import type { HaproxyState, LiveServer } from './haproxy-state';
import { deploymentOf, type WantedState } from './wanted-state';

/** What is to be changed in HAProxy, and what that needs. */
export interface Repair {
  /** In their order: who joins is there before a route leads to it, and who leaves goes after that. */
  readonly commands: readonly string[];
  /** Servers that take nothing any more may be removed. HAProxy refuses it while a connection to them is open. */
  readonly removals: readonly string[];
  /** Deployments that are not served as they should be. */
  readonly wrong: ReadonlySet<string>;
  /** By place, its backend. A place without one waits for more backends. */
  readonly slots: ReadonlyMap<string, string>;
}

/** Compares all that HAProxy has with all that it should have. Pure. */
export function repairOf(state: HaproxyState, wanted: WantedState, folder: string): Repair {
  const files = filesIn(folder);
  const slots = assignSlots(state, wanted);
  const places = new Map([...slots].map(([place, slot]) => [slot, place]));
  const wrong = new Set<string>();
  const blame = (place: string | undefined): void => {
    if (place !== undefined) wrong.add(deploymentOf(place));
  };
  for (const place of wanted.servers.keys()) if (!slots.has(place)) blame(place);

  const records = recordCommands(state, slots, { map: files.records, blame });
  const joins: string[] = [];
  const leaves: string[] = [];
  const removals: string[] = [];
  const live = new Map(state.servers.map((server) => [`${server.slot}/${server.name}`, server]));
  for (const [place, slot] of slots) {
    for (const [name, address] of wanted.servers.get(place) ?? []) {
      const server = `${slot}/${name}`;
      const commands = joinCommands(server, address, live.get(server));
      if (commands.length > 0) blame(place);
      joins.push(...commands);
    }
  }
  for (const { slot, name, isOut, underWay } of state.servers.filter((server) => isSlot(server.slot))) {
    const place = places.get(slot);
    if (place !== undefined && wanted.servers.get(place)?.has(name) === true) continue;
    if (!isOut) {
      blame(place);
      leaves.push(`set server ${slot}/${name} state maint`);
    } else if (underWay === 0) removals.push(`del server ${slot}/${name}`);
  }
  const routes = routeCommands(state, wanted, { map: files.routes, slots, places, blame });
  return { commands: [...records, ...joins, ...routes, ...leaves], removals, wrong, slots };
}

/** Keeps the backends that are recorded, and takes empty ones for places that have none. */
function assignSlots({ backends, records, servers }: HaproxyState, wanted: WantedState): Map<string, string> {
  const slots = new Map<string, string>();
  const taken = new Set(servers.map(({ slot }) => slot));
  for (const [slot, [place = '']] of records) {
    if (!backends.has(slot) || !wanted.servers.has(place) || slots.has(place)) continue;
    slots.set(place, slot);
    taken.add(slot);
  }
  const free = [...backends].filter((backend) => isSlot(backend) && !taken.has(backend));
  for (const place of wanted.servers.keys()) {
    if (slots.has(place)) continue;
    const slot = free.shift();
    if (slot !== undefined) slots.set(place, slot);
  }
  return slots;
}

interface MapChange {
  readonly map: string;
  readonly blame: (place: string | undefined) => void;
}

function recordCommands({ records }: HaproxyState, slots: ReadonlyMap<string, string>, { map, blame }: MapChange): string[] {
  const placeOf = new Map([...slots].map(([place, slot]) => [slot, place]));
  const gone = [...records.keys()].filter((slot) => !placeOf.has(slot)).map((slot) => `del map ${map} ${quoted(slot)}`);
  const made = [...placeOf].flatMap(([slot, place]) => {
    const commands = entryCommands(map, slot, { has: records.get(slot), should: place });
    if (commands.length > 0) blame(place);
    return commands;
  });
  return [...gone, ...made];
}

function routeCommands(
  { routes }: HaproxyState,
  wanted: WantedState,
  { map, blame, slots, places }: MapChange & Record<'slots' | 'places', ReadonlyMap<string, string>>,
): string[] {
  const made = [...wanted.routes].flatMap(([key, { deploymentId, place }]) => {
    const should = place === SIMULATED_BACKEND ? place : slots.get(place);
    if (should === undefined) return [];
    const commands = entryCommands(map, key, { has: routes.get(key), should });
    if (commands.length > 0) blame(deploymentId);
    return commands;
  });
  const gone = [...routes].flatMap(([key, backends]) => {
    const isWanted = wanted.routes.get(key);
    if (isWanted && (isWanted.place === SIMULATED_BACKEND || slots.has(isWanted.place))) return [];
    for (const backend of backends) blame(places.get(backend));
    return [`del map ${map} ${quoted(key)}`];
  });
  return [...made, ...gone];
}

function entryCommands(map: string, key: string, { has, should }: { has: readonly string[] | undefined; should: string }): string[] {
  if (!has) return [`add map ${map} ${quoted(key)} ${should}`];
  return has.every((value) => value === should) ? [] : [`set map ${map} ${quoted(key)} ${should}`];
}

function joinCommands(server: string, address: string, live: LiveServer | undefined): string[] {
  if (!live) return [`add server ${server} ${address}`, `set server ${server} state ready`];
  const port = address.lastIndexOf(':');
  const host = address.slice(0, port).replace(/^\[|\]$/g, '');
  return [
    ...(live.address === address ? [] : [`set server ${server} addr ${host} port ${address.slice(port + 1)}`]),
    ...(live.weight === '1' ? [] : [`set server ${server} weight 1`]),
    ...(live.isReady ? [] : [`set server ${server} state ready`]),
  ];
}

/** A semicolon ends a command, and paths may have some. */
const quoted = (key: string): string => key.replace(/[\\;]/g, '\\$&');
