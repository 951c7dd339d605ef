import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import type { IncomingMessage } from 'node:http';
import { fieldOf } from '../../common/field-of';
import { tlsTrouble } from '../../common/tls-trouble';
import type { JoinRequest } from '../../runtime/agent/join-messages';
import { isRecord } from '../../runtime/docker/json-lines';
import type { AgentLog } from '../agent-log';
import { fullJitterMs } from '../back-off';
import type { Way } from '../link/way';
import { thisMachine } from '../link/session';
import type { Identity, Joined } from './identity';

const ANSWER_WITHIN_MS = 60_000;
const PATH = '/api/agents/join';

interface JoinParts {
  readonly identity: Identity;
  readonly way: Way;
  readonly token: string | undefined;
  /** The id of the engine of this machine, or null when it does not answer. */
  readonly engineId: string | null;
  readonly log: AgentLog;
}

const hashOfToken = (token: string): string => createHash('sha256').update(token).digest('hex');

/**
 * Who the agent is: as the disk says, or else as the control plane answers to a join token that was not used here yet. Tries on while the
 * control plane is not reached, since an answer that was lost is given again. Throws in one sentence when it is refused.
 */
export async function joinedOnce({ identity, way, token, engineId, log }: JoinParts, signal: AbortSignal): Promise<Joined> {
  const { joined } = identity;
  if (joined !== null && (token === undefined || hashOfToken(token) === joined.tokenHash)) return joined;
  if (token === undefined) {
    throw new Error('This machine has not joined yet: set JOIN_TOKEN to the token that POST /api/nodes with runtime "agent" answers with.');
  }
  const machineId = engineId ?? identity.machineId;
  const { machineId: machine_id, programVersion: program_version, ...machine } = thisMachine(machineId);
  const body: JoinRequest = { join_token: token, public_key: identity.publicKey, machine: { ...machine, machine_id, program_version } };
  for (let failures = 1; ; failures++) {
    const answer = await ask(way, JSON.stringify(body), signal);
    signal.throwIfAborted();
    if (answer.kind === 'joined') {
      const next = { ...answer.as, tokenHash: hashOfToken(token) };
      await identity.join(next, machineId);
      return next;
    }
    if (answer.kind === 'refused') {
      const advice = joined === null ? '' : `. Leave it out to go on as the node ${joined.nodeName}`;
      throw new Error(`The control plane refused JOIN_TOKEN: ${answer.words}${advice}`);
    }
    const pauseMs = fullJitterMs(failures, Math.random());
    log.warn(`${answer.words}. Trying to join again in ${(pauseMs / 1000).toFixed(1)} s`);
    await sleep(pauseMs, undefined, { signal });
  }
}

type Answer =
  { readonly kind: 'joined'; readonly as: Omit<Joined, 'tokenHash'> } | { readonly kind: 'refused' | 'later'; readonly words: string };

function ask(way: Way, body: string, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve) => {
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
    const asked = way.request(PATH, { method: 'POST', headers, signal, timeout: ANSWER_WITHIN_MS }, (answer) => {
      read(answer).then(resolve, (error: unknown) => resolve(later(error)));
    });
    asked.on('timeout', () => asked.destroy(new Error('it did not answer within a minute')));
    asked.on('error', (error) => resolve(later(error)));
    asked.end(body);
  });
}

async function read(answer: IncomingMessage): Promise<Answer> {
  const status = answer.statusCode ?? 0;
  const body = parsed(await text(answer));
  if (status === 200 || status === 201) {
    const { node_id: nodeId, node_name: nodeName, installation_id: installationId } = body;
    if (typeof nodeId === 'string' && typeof nodeName === 'string' && typeof installationId === 'string') {
      return { kind: 'joined', as: { nodeId, nodeName, installationId } };
    }
    return { kind: 'refused', words: 'SERVER_URL leads to something that is not a control plane' };
  }
  const words = typeof body.detail === 'string' ? body.detail : `it answered ${status}`;
  const passes = status === 429 || status >= 500;
  return passes ? { kind: 'later', words: `The control plane cannot take the join now: ${words}` } : { kind: 'refused', words };
}

function later(error: unknown): Answer {
  const tls = tlsTrouble(error);
  if (tls !== null) {
    const words = `The control plane is not trusted: ${tls}. A private authority is named in NODE_EXTRA_CA_CERTS`;
    return { kind: 'later', words };
  }
  const code = fieldOf(error, 'code');
  const words = typeof code === 'string' ? code : error instanceof Error ? error.message : String(error);
  return { kind: 'later', words: `The control plane could not be reached (${words})` };
}

function parsed(body: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body);
    return isRecord(value) ? value : {};
  } catch {
    return {};
  }
}
