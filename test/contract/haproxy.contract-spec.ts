import { describeWithHaproxy, HaproxyUnderTest } from '../support/haproxy';
import { describeLoadBalancer } from './load-balancer.contract';

describeWithHaproxy('HAProxy', () => {
  describeLoadBalancer('haproxy', async () => {
    const haproxy = await HaproxyUnderTest.prepare();
    const balancer = haproxy.balancer();
    await balancer.live().catch(() => undefined);
    await haproxy.start();
    return { balancer, port: haproxy.port, close: () => haproxy.close() };
  });
});
