import { AeqError } from '../../schema/errors.ts';
import { floatRule, staticRule } from './builders.ts';
import { compilePythonRegex } from './python-regex.ts';
import { BOUNDARY_OPERATIONS } from './scope.ts';
import type { Recipe, Rule } from './types.ts';

/** Types that model inputs and outputs can be given; `same`: what the recipe says. */
const BOUNDARY_TYPES = ['same', 'float32', 'int8', 'uint8', 'int16'] as const;
export type BoundaryType = (typeof BOUNDARY_TYPES)[number];

/** Changes to a recipe that a user says in a word instead of writing rules. */
export interface Shorthand {
  /** Only operators in whose scope one of these patterns (Python dialect) is found stay quantized. */
  readonly include?: readonly string[];
  /** Operators in whose scope one of these is found stay float; model inputs and outputs of these names too. */
  readonly exclude?: readonly string[];
  readonly io?: BoundaryType;
}

/**
 * The pattern in a spelling that no rule has yet. The original keeps rules of one spelling together, at the place of the
 * first, which would change the order under compat.
 */
function freshPattern(pattern: string, rules: readonly Rule[]): string {
  let fresh = pattern;
  for (let number = 1; rules.some(({ regex }) => regex === fresh); number++) fresh = `${pattern}(?#${number})`;
  return fresh;
}

/** Leading flags hold for a whole pattern; inside another they have to be written as a group. */
function embedded(pattern: string): string {
  let rest = pattern;
  let flags = '';
  for (let leading = /^\(\?([aimsux]+)\)/.exec(rest); leading; leading = /^\(\?([aimsux]+)\)/.exec(rest)) {
    flags += leading[1] ?? '';
    rest = rest.slice(leading[0].length);
  }
  // A comment of a verbose pattern ends with its line.
  return `(?${flags}:${rest}${flags.includes('x') ? '\n' : ''})`;
}

/** Finds every scope in which none of the patterns is found. */
function noneOf(patterns: readonly string[]): string {
  for (const pattern of patterns) {
    if (/\\[1-9]/.test(pattern) && patterns.length > 1) {
      throw new AeqError('USAGE', `the pattern ${JSON.stringify(pattern)} refers to a group by number`, {
        hint: 'next to other patterns, name the group: (?P<name>...) and (?P=name)',
      });
    }
  }
  return `^(?!(?s:.*)(?:${patterns.map(embedded).join('|')}))`;
}

/** Rules that give all model inputs and outputs a type; none for `same`. */
function boundaryRules(type: BoundaryType, regex = '.*'): Rule[] {
  if (type === 'same') return [];
  return BOUNDARY_OPERATIONS.map((operation) => {
    if (type === 'float32') return floatRule({ regex, operation });
    const rule = staticRule({ regex, operation, weightBits: 8, activationBits: type === 'int16' ? 16 : 8 });
    const { activation } = rule.config;
    if (type !== 'uint8' || activation === undefined) return rule;
    return { ...rule, config: { ...rule.config, activation: { ...activation, dtype: 'UINT' } } };
  });
}

/**
 * The recipe with rules for the shorthand after its own: what is included, then what is excluded, then the type of
 * inputs and outputs. `include` leaves model inputs and outputs float unless their names match or `io` says otherwise.
 * @throws AeqError RECIPE_INVALID or RECIPE_UNSUPPORTED for a pattern that cannot be used, USAGE
 */
export function withShorthand(recipe: Recipe, { include = [], exclude = [], io = 'same' }: Shorthand): Recipe {
  for (const pattern of [...include, ...exclude]) compilePythonRegex(pattern);
  const rules = [...recipe.rules];
  if (include.length > 0) rules.push({ ...floatRule({ regex: freshPattern(noneOf(include), rules) }), general: true });
  for (const pattern of exclude) rules.push(floatRule({ regex: freshPattern(pattern, rules) }));
  rules.push(...boundaryRules(io, freshPattern('.*', rules)).map((rule) => ({ ...rule, general: true as const })));
  return { ...recipe, rules };
}
