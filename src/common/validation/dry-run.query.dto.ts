import { Optional, QueryFlag } from './fields';

/**
 * `dry_run=true` answers as the preview beside the route does. It is not in the OpenAPI document, where an operation has one
 * shape of success: generated clients call the preview.
 */
export class DryRunQueryDto {
  @Optional()
  @QueryFlag()
  dry_run: boolean = false;
}
