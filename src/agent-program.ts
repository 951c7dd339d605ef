import { Logger, type LoggerService } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Agent } from './agent/agent';
import { holdFolder } from './agent/disk/hold-folder';
import { KeptValue } from './agent/disk/kept-value';
import { Identity, readIdentity, type KeptIdentity } from './agent/identity/identity';
import { joinedOnce } from './agent/identity/join';
import { makeKeyPair } from './agent/identity/key-pair';
import { Way } from './agent/link/way';
import { joinedAnew, readMemory } from './agent/memory';
import { OrdersStore } from './agent/orders/orders-store';
import { Recollection } from './agent/recollection';
import type { AgentLog } from './agent/agent-log';
import { encryptionKey } from './common/crypto/encryption-key';
import { SecretBox } from './common/crypto/secret-box';
import { fieldOf } from './common/field-of';
import { makeFolder } from './common/make-folder';
import { connectPatiently } from './common/outgoing-connections';
import { VERSION } from './common/version';
import { resultWithin } from './common/within';
import type { AppConfig } from './config/app-config';
import { createLogger } from './logging/logger';
import { makeDockerDriver, pullLimits } from './runtime/docker/make-docker-driver';
import { OwnPullTurns } from './runtime/docker/pull-turns';
import { DriverError, type RuntimeDriver } from './runtime/runtime-driver';

const ANSWER_WITHIN_MS = 4_000;
const STOP_MS = 8_000;

/** The process of an agent from start to end. It opens no port, and containers go on when it ends. */
export class AgentProgram {
  private readonly stopping = new AbortController();
  private readonly log: AgentLog;
  private running: Promise<void> = Promise.resolve();

  constructor(private readonly config: AppConfig) {
    const log = createLogger(config, { tty: process.stdout.isTTY });
    this.log = log;
    Logger.overrideLogger(forDrivers(log));
  }

  /** Resolves with the text to print once the agent has joined. Rejects in one sentence. */
  async start(): Promise<string> {
    connectPatiently();
    const folder = join(this.config.DATA_DIR, 'agent');
    const release = await this.openFolder(folder);
    try {
      return await this.begin(folder);
    } catch (error) {
      release();
      throw error;
    }
  }

  /** False when something had to be cut off. */
  async stop(): Promise<boolean> {
    this.stopping.abort(new Error('The agent was stopped'));
    return resultWithin(
      STOP_MS,
      this.running.then(() => true),
      false,
    );
  }

  private async begin(folder: string): Promise<string> {
    const { config, log } = this;
    const identity = await this.openIdentity(folder);
    const way = new Way({ ...config, SERVER_URL: config.SERVER_URL ?? '' });
    const turns = new OwnPullTurns(pullLimits(config));
    const looking = makeDockerDriver(config, identity.joined?.installationId ?? '', turns);
    const engine = await engineOf(looking, config);
    looking.close();
    const before = identity.joined;
    const joined = await joinedOnce({ identity, way, token: config.JOIN_TOKEN, engineId: engine.id, log }, this.stopping.signal);
    // A machine that joins as another node leaves what it knew of the first one aside.
    const home = join(folder, joined.nodeId);
    makeFolder(home, 0o700);
    const memory = await KeptValue.open(join(home, 'memory'), readMemory);
    if (joined !== before) {
      memory.current = joinedAnew(memory.current);
      await memory.keep();
    }
    if (memory.wasDamaged) log.error(`What the agent remembers in ${folder} is damaged; it goes on without`);
    const orders = await OrdersStore.open(
      join(home, 'orders'),
      new SecretBox(encryptionKey({ DATA_DIR: folder })),
      memory.current.seenVersion,
    );
    if (orders.trouble !== null)
      log.error(`The orders in ${folder} ${orders.trouble}: nothing is done until the control plane has sent them anew`);
    const driver = makeDockerDriver(config, joined.installationId, turns);
    const agent = new Agent({ identity, joined, orders, driver, way, log, recollection: new Recollection(memory, log) });
    this.running = agent.run(this.stopping.signal).finally(() => driver.close());
    return banner({ node: joined.nodeName, server: way.words, engine: engine.words, folder, orders: orders.book.orders.size });
  }

  private async openFolder(folder: string): Promise<() => void> {
    try {
      makeFolder(folder, 0o700);
      return await holdFolder(folder);
    } catch (error) {
      const code = fieldOf(error, 'code');
      if (typeof code !== 'string') throw error;
      throw new Error(`The agent cannot use ${folder} (${code}). Set DATA_DIR to a folder that this account can write.`, { cause: error });
    }
  }

  private async openIdentity(folder: string): Promise<Identity> {
    const kept = await KeptValue.open<KeptIdentity | null>(join(folder, 'identity'), readIdentity);
    if (kept.current === null && kept.wasDamaged) {
      const words = `The identity of the agent in ${folder} is damaged`;
      throw new Error(`${words}. Bring it back from a backup, or remove the folder and register the node anew.`);
    }
    const isNew = kept.current === null;
    const opened = kept.filledWith(() => ({ keys: makeKeyPair(new Date()), nextKeys: null, machineId: randomUUID(), joined: null }));
    // The key is on the disk before anybody hears of it, so that an answer to the join that is lost costs nothing.
    if (isNew) await opened.keep();
    return new Identity(opened, this.config.AGENT_KEY_DAYS);
  }
}

/** The engine of this machine, and what can be said of it to people. The agent also starts without it, and waits. */
async function engineOf(driver: RuntimeDriver, { DOCKER_HOST }: AppConfig): Promise<{ id: string | null; words: string }> {
  const local = driver.localEngine;
  if (local === null) return { id: null, words: DOCKER_HOST ?? '' };
  try {
    const { engineId, version } = await driver.info(local.target, AbortSignal.timeout(ANSWER_WITHIN_MS));
    return { id: engineId, words: `${local.name} ${version} answers at ${local.address}` };
  } catch (error) {
    const advice = error instanceof DriverError ? local.adviceOn(error) : null;
    return { id: null, words: `no ${local.name} answers at ${local.address} yet${advice === null ? '' : ` (${advice})`}` };
  }
}

interface StartFacts {
  readonly node: string;
  readonly server: string;
  readonly engine: string;
  readonly folder: string;
  readonly orders: number;
}

const banner = ({ node, server, engine, folder, orders }: StartFacts): string =>
  [
    '',
    `fog-compute ${VERSION} runs as the agent of node ${node}.`,
    '',
    `  Control plane   ${server}`,
    `  Runtime         ${engine}`,
    `  State           ${orders} orders in ${folder}`,
    '',
    '',
  ].join('\n');

/** What drivers tell goes into the log of the agent. */
const forDrivers = (log: AgentLog): LoggerService => ({
  log: (message: unknown) => log.info(String(message)),
  warn: (message: unknown) => log.warn(String(message)),
  error: (message: unknown) => log.error(String(message)),
});
