import { SetMetadata, type CustomDecorator } from '@nestjs/common';

export const IS_ADMIN_ONLY = 'auth:admin-only';

/** Closes a route, or every route of a controller, to all but administrators (403 `admin_required`). */
export const AdminOnly = (): CustomDecorator => SetMetadata(IS_ADMIN_ONLY, true);
