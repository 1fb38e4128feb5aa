import type { SuiteCase } from '../case.ts';
import { arithmeticCases } from './arithmetic.ts';
import { comparisonCases } from './comparison.ts';
import { functionCases } from './functions.ts';
import { movementCases } from './movement.ts';
import { normalizationCases } from './normalization.ts';
import { reductionCases } from './reductions.ts';
import { weightedCases } from './weighted.ts';

/** Every case, by the family it is tested in. */
export const families: Readonly<Record<string, readonly SuiteCase[]>> = {
  weighted: weightedCases,
  arithmetic: arithmeticCases,
  functions: functionCases,
  reductions: reductionCases,
  normalization: normalizationCases,
  movement: movementCases,
  comparison: comparisonCases,
};
