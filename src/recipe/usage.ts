import { ANY_OPERATION, nobodyFollows, ruleTitle } from './check.ts';
import type { RecipeContext } from './context.ts';
import { BOUNDARY_OPERATIONS } from './scope.ts';
import type { Resolution, Rule } from './types.ts';

/** What became of one rule over all operators of a model. Counts include model inputs and outputs. */
export interface RuleUsage {
  readonly rule: Rule;
  /** Operators that it decided. */
  readonly decided: number;
  /** Operators that it would have decided without a later rule. */
  readonly overridden: number;
  /** Operators that it matched but that cannot follow it. */
  readonly rejected: number;
  /** Why the first of these cannot. */
  readonly rejection?: string;
}

type Counts = { decided: number; overridden: number; rejected: number; rejection?: string };

/** Counts, while a model is planned, what each rule of a recipe was good for. */
export class RecipeUsage {
  readonly #rules: readonly Rule[];
  readonly #context: RecipeContext;
  readonly #counts: Counts[];
  /** Operators of the model by recipe name. */
  readonly #operations = new Map<string, number>();
  /** Real operators that stayed float, by reason, with the rule that they cannot follow where that is the reason. */
  readonly #floatReasons = new Map<string, { count: number; readonly rule: number | undefined }>();
  #quantized = 0;

  /** @param rules those of the resolver: `Resolution.rule` counts in them. */
  constructor(rules: readonly Rule[], context: RecipeContext) {
    this.#rules = rules;
    this.#context = context;
    this.#counts = rules.map(() => ({ decided: 0, overridden: 0, rejected: 0 }));
  }

  /**
   * Counts one operator, model input or model output.
   * @param resolution undefined where the recipe was not asked
   * @param quantized whether the operator is quantized in the end, with the reason if not
   */
  record(operation: string, resolution: Resolution | undefined, quantized: true | string): void {
    this.#operations.set(operation, (this.#operations.get(operation) ?? 0) + 1);
    if (!(BOUNDARY_OPERATIONS as readonly string[]).includes(operation)) {
      if (quantized === true) this.#quantized++;
      else this.#countFloat(quantized, resolution);
    }
    if (resolution === undefined) return;
    const deciding = resolution.rule === undefined ? undefined : this.#counts[resolution.rule];
    if (deciding) deciding.decided++;
    for (const rule of resolution.overridden) {
      const counts = this.#counts[rule];
      if (counts) counts.overridden++;
    }
    for (const { rule, reason } of resolution.rejected) {
      const counts = this.#counts[rule];
      if (!counts) continue;
      counts.rejected++;
      counts.rejection ??= reason;
    }
  }

  #countFloat(reason: string, resolution: Resolution | undefined): void {
    const rule = resolution?.rule === undefined ? resolution?.rejected.at(-1)?.rule : undefined;
    const counted = this.#floatReasons.get(reason) ?? { count: 0, rule };
    counted.count++;
    this.#floatReasons.set(reason, counted);
  }

  /** Real operators that are quantized. */
  get quantizedOperators(): number {
    return this.#quantized;
  }

  /** One entry per rule, in their order. */
  rules(): RuleUsage[] {
    return this.#rules.map((rule, index) => ({ rule, decided: 0, overridden: 0, rejected: 0, ...this.#counts[index] }));
  }

  /** What the user may not have wanted: rules without effect, and a model of which nothing was quantized. */
  warnings(): string[] {
    const warnings = this.rules().flatMap((usage, index) => this.#ruleWarning(usage, index) ?? []);
    const nothing = this.#nothingQuantized();
    return nothing === undefined ? warnings : [...warnings, nothing];
  }

  /** What loading the recipe has said of a rule is not said again. */
  #ruleWarning({ rule, decided, overridden, rejected, rejection }: RuleUsage, index: number): string | undefined {
    if (decided > 0) return undefined;
    const title = ruleTitle(rule, index);
    if (overridden > 0) return `${title} decides nothing: later rules override it wherever it matches`;
    if (nobodyFollows(rule, this.#context)) return undefined;
    if (rejected > 0) {
      const who = rejected === 1 ? 'the one operator that matches cannot' : `none of ${rejected} that match can`;
      return `${title} decides nothing: ${who} follow it (${rejection})`;
    }
    if (rule.general) return undefined;
    if (rule.operation === ANY_OPERATION) return `${title} matches nothing: the pattern is found in no tensor name`;
    const present = this.#operations.get(rule.operation) ?? 0;
    return present === 0
      ? `${title} matches nothing: the model has no ${rule.operation} that can be quantized`
      : `${title} matches nothing: the pattern is found in none of the ${present} ${rule.operation}`;
  }

  #nothingQuantized(): string | undefined {
    if (this.#quantized > 0) return undefined;
    const [commonest] = [...this.#floatReasons].sort(([, a], [, b]) => b.count - a.count);
    if (commonest === undefined) return 'nothing was quantized: the model has no operators';
    const total = [...this.#floatReasons.values()].reduce((sum, { count }) => sum + count, 0);
    const [reason, { count, rule }] = commonest;
    const nothing = `nothing was quantized: ${total} of ${total} operators stay float`;
    return rule !== undefined && this.#isIdle(rule) ? nothing : `${nothing}, ${count} because: ${reason}`;
  }

  /** Whether a rule matched and was never followed, which has a warning of its own. */
  #isIdle(rule: number): boolean {
    const counts = this.#counts[rule];
    return counts !== undefined && counts.decided === 0 && counts.overridden === 0;
  }
}
