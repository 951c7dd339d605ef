import { Global, Module } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { Metrics } from './metrics';
import { measurePool } from './pool-metrics';

/** `Metrics` for every module; each declares its own in its constructor or onModuleInit. */
@Global()
@Module({ providers: [Metrics], exports: [Metrics] })
export class MetricsModule {
  constructor(metrics: Metrics, @InjectDataSource() dataSource: DataSource) {
    measurePool(dataSource, metrics);
  }
}
