import { ANY_OPERATION } from './check.ts';
import type { Rule } from './types.ts';

/**
 * The rules as the original stores them: grouped by regex in the order in which each regex came first; a rule for all
 * operations wipes what its regex had before; a second rule for the same regex and operation takes the place of the
 * first. Applying it twice changes nothing.
 */
export function originalOrder(rules: readonly Rule[]): Rule[] {
  const groups = new Map<string, Rule[]>();
  for (const rule of rules) {
    const group = groups.get(rule.regex);
    if (group === undefined) groups.set(rule.regex, [rule]);
    else if (rule.operation === ANY_OPERATION) group.splice(0, group.length, rule);
    else {
      const same = group.findIndex(({ operation }) => operation === rule.operation);
      if (same < 0) group.push(rule);
      else group[same] = rule;
    }
  }
  return [...groups.values()].flat();
}
