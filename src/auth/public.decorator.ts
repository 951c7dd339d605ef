import { SetMetadata, type CustomDecorator } from '@nestjs/common';

export const IS_PUBLIC = 'auth:public';

/** Opens a route, or every route of a controller, to callers without a credential. All other routes are closed. */
export const Public = (): CustomDecorator => SetMetadata(IS_PUBLIC, true);
