import { DataSource } from 'typeorm';
import { dataSourceOptions } from '../../src/data-source-options';

/** Connects a data source like the application's. The caller destroys it. */
export const openDataSource = (url: string, poolSize = 10): Promise<DataSource> =>
  new DataSource(dataSourceOptions({ url, poolSize, applicationName: 'fog-compute-test' })).initialize();
