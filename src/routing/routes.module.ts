import { Module } from '@nestjs/common';
import { RouteBackendsRepository } from './route-backends.repository';
import { RouteUrls } from './route-urls';
import { RoutesRepository } from './routes.repository';
import { RoutesService } from './routes.service';

/** What routes deployments have. What serves them is in RouterModule. */
@Module({
  providers: [RouteBackendsRepository, RouteUrls, RoutesRepository, RoutesService],
  exports: [RouteBackendsRepository, RouteUrls, RoutesRepository, RoutesService],
})
export class RoutesModule {}
