import { describeRuntimeDriver } from '../contract/runtime-driver.contract';
import { clusterUnderTest, describeWithCluster } from './cluster-under-test';

describeWithCluster('kubernetes', () => describeRuntimeDriver('kubernetes', clusterUnderTest));
