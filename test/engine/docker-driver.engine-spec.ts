import { describeRuntimeDriver } from '../contract/runtime-driver.contract';
import { describeWithEngine } from '../support/engine';
import { dockerUnderTest } from './docker-under-test';

describeWithEngine('the Docker driver on a real engine', () => {
  describeRuntimeDriver('docker', dockerUnderTest);
});
