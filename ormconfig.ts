import { DataSource } from 'typeorm';
import { dataSourceOptions } from './src/data-source-options';

const url = process.env.DATABASE_URL;
if (!url) throw new Error('Set DATABASE_URL to the database that the TypeORM CLI shall work on.');

export default new DataSource(dataSourceOptions({ url, applicationName: 'fog-compute-cli' }));
