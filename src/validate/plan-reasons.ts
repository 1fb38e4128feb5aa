import type { Comparison, FloatOperator, TensorComparison } from '../../schema/documents/comparison.ts';
import type { PlanDocument } from '../../schema/documents/plan.ts';
import { AeqError } from '../../schema/errors.ts';

/**
 * The comparison with the reasons of the plan that the quantized model was made by: why operators stayed float, which
 * two models alone do not tell, and where the range of each tensor comes from.
 * @throws AeqError MODELS_DIFFER for a plan of another model.
 */
export function withPlanReasons(comparison: Comparison, plan: PlanDocument): Comparison {
  checkPlan(plan, comparison.float.sha256);
  const ranges = new Map(
    plan.tensors.flatMap((entry) => (entry.role === 'written as' ? [[placeOf(entry), entry] as const] : [])),
  );
  const reasons = new Map<string, PlanDocument['operators'][number]>(
    plan.operators.flatMap((entry) =>
      entry.mode === 'float' ? [[`${entry.subgraph}:${entry.operator}`, entry] as const] : [],
    ),
  );
  const withRange = (tensor: TensorComparison): TensorComparison => {
    const planned = ranges.get(placeOf(tensor));
    if (planned === undefined) return tensor;
    if (planned.name !== tensor.name && tensor.name !== '') throw otherModel();
    return { ...tensor, rangeReason: planned.reason };
  };
  const signatures = comparison.signatures.map((entry) => ({
    ...entry,
    outputs: entry.outputs.map(withRange),
    tensors: entry.tensors.map(withRange),
  }));
  const subgraphs = new Map(
    signatures.map(({ key, outputs, tensors }) => [key, [...outputs, ...tensors][0]?.subgraph ?? 0]),
  );
  const withReason = (operator: FloatOperator): FloatOperator => {
    const planned = reasons.get(`${subgraphs.get(operator.signature)}:${operator.position}`);
    if (planned === undefined) return operator;
    if (planned.name !== operator.operator) throw otherModel();
    return { ...operator, reason: planned.reason };
  };
  return { ...comparison, signatures, floatOperators: comparison.floatOperators.map(withReason) };
}

/** @throws AeqError MODELS_DIFFER when the plan names another float model than the one of this hash. */
export function checkPlan({ model }: PlanDocument, sha256: string | null): void {
  if (model && sha256 !== null && model.sha256 !== sha256) throw otherModel(model.file);
}

const placeOf = ({ subgraph, tensor }: { subgraph: number; tensor: number }) => `${subgraph}:${tensor}`;

const otherModel = (file?: string) =>
  new AeqError('MODELS_DIFFER', `the plan is of another float model${file === undefined ? '' : ` (${file})`}`, {
    hint: 'give the plan that aeq quantize --plan wrote when it made this quantized model',
  });
