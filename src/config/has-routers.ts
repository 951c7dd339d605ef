import type { AppConfig } from './app-config';

/** Whether anything here leads requests to deployments. */
export const hasRouters = ({ LOAD_BALANCER }: Pick<AppConfig, 'LOAD_BALANCER'>): boolean => LOAD_BALANCER !== 'none';
