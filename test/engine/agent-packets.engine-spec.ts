import { describeWithEngine } from '../support/engine';
import { describeWithPackets, PacketLink } from '../support/packet-link';
import { CUTS, LOSS_SHARE, ROUND_TRIP_MS, testCuts, type CutLink } from './agent-cuts';

/** TCP itself has to cope with this link. A thousand cuts: `AGENT_CUTS=1000 npx jest test/engine/agent-packets`. */
async function open(): Promise<CutLink> {
  const link = await PacketLink.open({ delayMs: ROUND_TRIP_MS / 2, lossShare: LOSS_SHARE });
  return {
    environment: { HOST: link.address },
    inside: link.inside,
    lead: (url) => Promise.resolve(url),
    cut: () => link.cut(),
    restore: () => link.restore(),
    heal: () => link.become({ delayMs: 0, lossShare: 0 }),
    bytes: () => link.bytes(),
    close: () => link.close(),
  };
}

describeWithEngine(`an agent in a network namespace, with ${ROUND_TRIP_MS} ms and 5 % loss of packets, that is cut off ${CUTS} times`, () =>
  describeWithPackets('behind a link of packets', () => testCuts(open)),
);
