import { AeqError } from '../../schema/errors.ts';

/** How ranges come out of a calibration. `percentile` is the share of the values kept at each end, in percent. */
export type RangeRule =
  | { readonly kind: 'minmax' | 'ema' | 'mse' | 'entropy' | 'auto' }
  | { readonly kind: 'percentile'; readonly percentile: number };

/** Names of the rules, for help texts. */
const RANGE_RULES = ['auto', 'minmax', 'ema', 'percentile', 'mse', 'entropy'] as const;

/** Below this many samples ranges are mostly luck: warn. */
export const RECOMMENDED_SAMPLES = 20;

const DEFAULT_PERCENTILE = 99.99;

/** Reads `auto`, `percentile=99.9` ... @throws AeqError USAGE naming the rules there are. */
export function parseRangeRule(text: string): RangeRule {
  const [name, value, ...rest] = text.split('=');
  const kind = RANGE_RULES.find((rule) => rule === name);
  if (kind === 'percentile' && rest.length === 0) {
    const percentile = value === undefined ? DEFAULT_PERCENTILE : Number(value);
    if (value !== '' && percentile > 50 && percentile <= 100) return { kind, percentile };
    throw new AeqError('USAGE', `"${text}": a percentile lies above 50 and is at most 100`, {
      hint: `such as percentile=${DEFAULT_PERCENTILE}`,
    });
  }
  if (kind !== undefined && kind !== 'percentile' && value === undefined) return { kind };
  throw new AeqError('USAGE', `"${text}" is not a range rule`, {
    hint: `the rules are ${RANGE_RULES.join(', ')}; percentile takes a value: percentile=${DEFAULT_PERCENTILE}`,
  });
}
