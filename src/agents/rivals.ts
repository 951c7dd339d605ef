import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { Hints } from '../database/hints';
import { PubSub } from '../database/pub-sub';
import { AGENT_TOPICS } from '../runtime/agent/topics';
import { CLOSE } from './link';
import { Links } from './links';
import { LinksRepository } from './links.repository';

/** A round trip of two seconds, with a packet lost on the way. Past this the link counts as broken, and whoever comes takes its place. */
const ANSWER_WITHIN_MS = 6_000;
/** A hint may get lost, and a link that has just begun is held only a moment later. */
const ASK_AGAIN_MS = 500;

/**
 * Finds out whether the machine that holds the link of a node is alive while another one with its identity wants to come in. A ping that
 * is sent now is answered by a process that runs now, which no connection that was left behind by a dead one does: so whoever comes
 * then is not the same machine, started again.
 */
@Injectable()
export class Rivals implements BeforeApplicationShutdown {
  private readonly off: (() => void)[];

  constructor(
    private readonly rows: LinksRepository,
    private readonly links: Links,
    private readonly pubSub: PubSub,
  ) {
    this.off = [
      pubSub.subscribe(AGENT_TOPICS.doubts, (payload) => {
        const [nodeId = '', epoch = '', question = ''] = payload.split(' ');
        this.links.linkOf(nodeId, Number(epoch))?.ask(question, () => pubSub.publish(AGENT_TOPICS.alive, question));
      }),
      pubSub.subscribe(AGENT_TOPICS.renewals, (payload) => {
        const [nodeId = '', epoch = ''] = payload.split(' ');
        this.links.linkOf(nodeId, Number(epoch))?.close(CLOSE.restarts, 'Come again, for a new ticket');
      }),
      // From now on, so that the first answer of another process is heard.
      pubSub.subscribe(AGENT_TOPICS.alive, () => undefined),
    ];
  }

  beforeApplicationShutdown(): void {
    for (const off of this.off) off();
  }

  /** Whether the agent of this link answers a ping. Asks for up to six seconds, or until nobody holds the link any more. */
  async answers(nodeId: string, epoch: number): Promise<boolean> {
    const question = randomUUID();
    const answers = new Hints(this.pubSub, AGENT_TOPICS.alive, question);
    try {
      const until = performance.now() + ANSWER_WITHIN_MS;
      while (!answers.isGiven && performance.now() < until && (await this.rows.isHeld(nodeId, epoch))) {
        this.pubSub.publish(AGENT_TOPICS.doubts, `${nodeId} ${String(epoch)} ${question}`);
        await answers.wait(ASK_AGAIN_MS);
      }
      return answers.isGiven;
    } finally {
      answers.end();
    }
  }

  /** Makes the agent of this link come again, so that its ticket is newer than that of a copy of now. */
  renew(nodeId: string, epoch: number): void {
    this.pubSub.publish(AGENT_TOPICS.renewals, `${nodeId} ${String(epoch)}`);
  }
}
