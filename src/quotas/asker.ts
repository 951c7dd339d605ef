import type { Actor } from '../common/request-context';

/** Who asks for something, and with which credential. */
export type Asker = Pick<Actor, 'userId' | 'isAdmin' | 'boundTo'>;

/** Whether the asker may know what this user holds in all projects. */
export const mayKnow = ({ userId, isAdmin, boundTo }: Asker, holder: string): boolean => isAdmin || (userId === holder && !boundTo);
