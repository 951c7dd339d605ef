import { Logger } from '@nestjs/common';
import { hostname } from 'node:os';
import { LoadBalancer, type LiveRoutes } from '../load-balancer';
import type { RouteTable } from '../route-table';
import type { Traffic } from '../traffic';
import { askHaproxy, linesOf } from './command-socket';
import { repairOf, type Repair } from './commands';
import { answerFiles, configurationOf, filesIn, isSlot, markOf, slotNames, type HaproxySettings } from './configuration';
import { readBackends, readMap, readServers, readTraffic, SERVERS_QUERY, TRAFFIC_QUERY, type HaproxyState } from './haproxy-state';
import { HaproxyMaster } from './haproxy-master';
import { ResolvedAddresses } from './resolved-addresses';
import { wantedState, type WantedState } from './wanted-state';
import { nameOfFolder, WrittenFiles } from './written-files';

/** What it answers to changes that it has made. */
const DONE = /^\s*$|^New server registered|^(IP|port) changed|^no need to change/;
/** Fewer reloads: when backends become few, so many more than are needed are made. */
const SPARE_SHARE = 1.5;
const RELOAD_EVERY_MS = 10_000;

export interface HaproxyOptions extends HaproxySettings {
  /** The socket of the master process, which reloads. Null: the operator reloads. */
  readonly masterSocket: string | null;
  readonly slots: number;
}

/**
 * HAProxy, through the socket of its administrator. Servers and routes change without a reload; its files have the same, so that
 * it may be restarted at any time. What it serves is read from it each time, and whatever differs is repaired.
 */
export class HaproxyBalancer extends LoadBalancer {
  readonly kind = 'haproxy';
  private readonly logger = new Logger('HAProxy');
  private readonly tables = new Map<string, RouteTable>();
  private readonly addresses = new ResolvedAddresses();
  private readonly files = new WrittenFiles();
  private readonly master: HaproxyMaster | null;
  /** The last one that HAProxy has shown: its files are written also while it is away. */
  private slots: ReadonlyMap<string, string> = new Map();
  private slotCount: number;
  private name: string | null = null;
  private shown: Traffic | null = null;
  private reloadedAt = -Infinity;

  /** `mayWrite` throws when another process may be the one that writes. */
  constructor(
    private readonly options: HaproxyOptions,
    private readonly mayWrite: () => void,
  ) {
    super();
    this.slotCount = options.slots;
    this.master = options.masterSocket === null ? null : new HaproxyMaster(options.masterSocket);
  }

  get address(): string {
    return `${hostname()} ${this.options.socket}`;
  }

  override async sharedName(): Promise<string> {
    this.name ??= await nameOfFolder(this.options.folder);
    return this.name;
  }

  override get traffic(): Traffic | null {
    return this.shown;
  }

  words(): Promise<string> {
    return Promise.resolve(`HAProxy on ${this.options.bind}, with ${filesIn(this.options.folder).configuration}`);
  }

  async apply(tables: readonly RouteTable[]): Promise<void> {
    for (const table of tables) {
      const known = this.tables.get(table.deploymentId);
      if (!known || known.version < table.version) this.tables.set(table.deploymentId, table);
    }
    const { state, wanted } = await this.compare();
    const repair = repairOf(state, wanted, this.options.folder);
    this.slotCount = Math.max(this.slotCount, [...state.backends].filter(isSlot).length);
    this.slots = repair.slots;
    // The files come first: whatever ends this in between, a restart of HAProxy does not go back.
    await this.writeFiles(wanted);
    await this.change(repair);
    const missing = wanted.servers.size - repair.slots.size;
    if (!state.backends.has(markOf(this.options, this.slotCount))) await this.reload(missing);
  }

  async live(): Promise<LiveRoutes> {
    const { state, wanted } = await this.compare();
    const { wrong } = repairOf(state, wanted, this.options.folder);
    this.shown = readTraffic(await askHaproxy(this.options.socket, TRAFFIC_QUERY));
    const before = (await this.master?.beforeReload((name) => !wanted.replicas.has(name))) ?? [];
    const busy = [...state.servers, ...before].filter(({ underWay, name }) => underWay > 0 && !wanted.replicas.has(name));
    const served = [...this.tables.values()].filter(({ deploymentId }) => !wrong.has(deploymentId));
    return {
      versions: new Map(served.map(({ deploymentId, version }) => [deploymentId, version])),
      busy: [...new Set(busy.map(({ name }) => name))],
    };
  }

  override forget(): void {
    this.tables.clear();
  }

  /** HAProxy goes on without this program. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /** What HAProxy has, and what it should have. While it is away, its files are kept at that. */
  private async compare(): Promise<{ state: HaproxyState; wanted: WantedState }> {
    const tables = [...this.tables.values()];
    await this.addresses.prepare(tables.flatMap(({ backends }) => backends.flatMap(({ ports }) => Object.values(ports))));
    const wanted = wantedState(tables, (address) => this.addresses.of(address));
    try {
      return { state: await this.read(), wanted };
    } catch (error) {
      await this.writeFiles(wanted);
      throw error;
    }
  }

  private async read(): Promise<HaproxyState> {
    const { socket, folder } = this.options;
    const files = filesIn(folder);
    const [backends, servers, routes, records] = await Promise.all([
      askHaproxy(socket, 'show backend'),
      askHaproxy(socket, SERVERS_QUERY),
      askHaproxy(socket, `show map ${files.routes}`),
      askHaproxy(socket, `show map ${files.records}`),
    ]);
    return { backends: readBackends(backends), servers: readServers(servers), routes: readMap(routes), records: readMap(records) };
  }

  private async change({ commands, removals }: Repair): Promise<void> {
    let answers = '';
    for (const line of linesOf(commands)) {
      this.mayWrite();
      answers += await askHaproxy(this.options.socket, line);
    }
    for (const line of linesOf(removals)) {
      this.mayWrite();
      await askHaproxy(this.options.socket, line);
    }
    const fault = answers.split('\n').find((words) => !DONE.test(words));
    if (fault !== undefined) throw new Error(`HAProxy refuses a change: ${fault}`);
  }

  /** For what cannot be changed at run time: more backends, and other settings. Throws when deployments wait for a backend. */
  private async reload(missing: number): Promise<void> {
    if (performance.now() - this.reloadedAt > RELOAD_EVERY_MS) {
      this.reloadedAt = performance.now();
      const { configuration } = filesIn(this.options.folder);
      if (this.master) this.logger.log(`HAProxy is asked to load ${configuration} anew`);
      else this.logger.warn(`HAProxy has to be reloaded, as ${configuration} has changed`);
      await this.master?.reload();
    }
    if (missing > 0) throw new Error(`All backends of HAProxy are in use; it gets more with its next reload (${missing} are needed)`);
  }

  /** Writes what HAProxy is started with. What has no backend yet has one there. */
  private async writeFiles(wanted: WantedState): Promise<void> {
    this.mayWrite();
    const { folder } = this.options;
    await this.sharedName();
    const files = filesIn(folder);
    if (wanted.servers.size > this.slotCount) this.slotCount = Math.ceil((wanted.servers.size * SPARE_SHARE) / 100) * 100;
    const slots = this.slotsInFiles(wanted);
    const routes = [...wanted.routes].map(([key, { place }]) => `${key} ${slots.get(place) ?? place}\n`);
    await this.files.write(
      new Map([
        ...answerFiles(folder),
        [files.routes, routes.join('')],
        [files.records, [...slots].map(([place, slot]) => `${slot} ${place}\n`).join('')],
        [files.configuration, configurationOf(this.options, this.slotCount, serversBySlot(slots, wanted))],
      ]),
    );
  }

  private slotsInFiles({ servers }: WantedState): Map<string, string> {
    const slots = new Map([...this.slots].filter(([place]) => servers.has(place)));
    const taken = new Set(slots.values());
    const free = slotNames(this.slotCount).filter((slot) => !taken.has(slot));
    for (const place of servers.keys()) {
      if (slots.has(place)) continue;
      const slot = free.shift();
      if (slot !== undefined) slots.set(place, slot);
    }
    return slots;
  }
}

const serversBySlot = (slots: ReadonlyMap<string, string>, { servers }: WantedState): Map<string, ReadonlyMap<string, string>> =>
  new Map([...slots].map(([place, slot]) => [slot, servers.get(place) ?? new Map<string, string>()]));
