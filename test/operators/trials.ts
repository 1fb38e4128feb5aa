import { BuiltinOperator } from '../../schema/generated/tflite.ts';
import { type OperatorSpec, specOfBuiltin } from '../../src/ops/index.ts';
import type { SuiteCase } from './case.ts';
import { type Configuration, configurationsOf } from './configurations.ts';
import type { Exception } from './exception.ts';

/** One case in one configuration. */
export interface Trial {
  readonly name: string;
  readonly suiteCase: SuiteCase;
  readonly configuration: Configuration;
}

/** Every configuration that the operator of a case may have. */
export function trialsOf(suiteCase: SuiteCase): Trial[] {
  const spec = specOfBuiltin(BuiltinOperator[suiteCase.operator]);
  if (!spec) throw new Error(`${suiteCase.operator} has no spec`);
  return configurationsOf(spec, weightShape(spec, suiteCase)).map((configuration) => ({
    name: `${suiteCase.operator} ${suiteCase.form}: ${configuration.name}`,
    suiteCase,
    configuration,
  }));
}

function weightShape({ weighted }: OperatorSpec, { model }: SuiteCase): readonly number[] | undefined {
  const [graph] = model.subgraphs;
  return weighted && graph?.tensors[graph.operators[0]?.inputs[weighted.weight] ?? -1]?.shape;
}

/** Whether an exception is made for a case in a configuration, whatever the interpreter. */
export function isAbout(
  { operators, configurations, forms, except }: Exception,
  { operator, form }: SuiteCase,
  own: Configuration,
): boolean {
  return (
    operators.includes(operator) &&
    (forms?.includes(form) ?? true) &&
    !except?.includes(form) &&
    (configurations?.some((start) => own.name.startsWith(start)) ?? true)
  );
}
