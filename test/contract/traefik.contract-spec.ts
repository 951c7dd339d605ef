import { describeWithTraefik, LedTraefik } from '../support/traefik';
import { describeLoadBalancer } from './load-balancer.contract';

describeWithTraefik('Traefik', () => {
  describeLoadBalancer('traefik', async () => {
    const led = await LedTraefik.start(3_000);
    return {
      ...{ balancer: led.balancer, port: led.traefik.port, close: () => led.close() },
      ownWords: /^(404 page not found|no available server)\n$/,
    };
  });
});
