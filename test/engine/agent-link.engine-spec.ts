import { randomInt } from 'node:crypto';
import { BadLink } from '../support/bad-link';
import { describeWithEngine } from '../support/engine';
import { CUTS, LOSS_SHARE, ROUND_TRIP_MS, testCuts, type CutLink } from './agent-cuts';

/** Cuts are told to both ends or not, at random. A thousand of them: `AGENT_CUTS=1000 npx jest test/engine/agent-link`. */
async function open(): Promise<CutLink> {
  let link: BadLink | undefined;
  return Promise.resolve({
    ...{ environment: {}, inside: [] },
    lead: async (url) => {
      link = await BadLink.to(url, { delayMs: ROUND_TRIP_MS / 2, lossShare: LOSS_SHARE, repairMs: 1_000 });
      return link.url;
    },
    cut: () => Promise.resolve(link?.cut({ silently: randomInt(2) === 0 })),
    restore: () => Promise.resolve(link?.restore()),
    heal: () => {
      if (link) link.quality = { delayMs: 0, lossShare: 0, repairMs: 0 };
      return Promise.resolve();
    },
    close: () => link?.close(),
  });
}

describeWithEngine(`an agent behind a link of ${ROUND_TRIP_MS} ms with 5 % loss that is cut ${CUTS} times`, () => testCuts(open));
