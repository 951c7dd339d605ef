import type { ValueTransformer } from 'typeorm';
import { toCores } from './resources';

/** Numeric columns arrive as text; this gives the number with its three decimals. */
export const NUMERIC: ValueTransformer = {
  to: (value: number | null | undefined) => value,
  from: (value: string | null) => (value === null ? null : toCores(value)),
};
