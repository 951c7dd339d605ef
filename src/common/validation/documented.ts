import { ApiProperty } from '@nestjs/swagger';

/** What the OpenAPI document says of a member. */
export type DocumentedRule = NonNullable<Parameters<typeof ApiProperty>[0]>;

/** Has the OpenAPI document state the rule of a member, so that no DTO repeats it. Where its `ApiProperty` says otherwise, that holds. */
export const documented = (rule: DocumentedRule): PropertyDecorator => ApiProperty(rule);
