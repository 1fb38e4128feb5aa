import type { Conduct } from './conduct.ts';
import { ConstantParameters } from './constant-parameters.ts';
import type { RangeTable } from './ranges.ts';

/** What the operators' wishes are made from. */
export interface Materials {
  readonly ranges: RangeTable;
  readonly constants: ConstantParameters;
  readonly conduct: Conduct;
  /** Things a user should know, in the order they came up. */
  readonly warnings: string[];
}

export function createMaterials(ranges: RangeTable, conduct: Conduct, forecast = false): Materials {
  const warnings: string[] = [];
  return { ranges, constants: new ConstantParameters(conduct, ranges, forecast), conduct, warnings };
}
