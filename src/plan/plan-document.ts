import type { PlanDocument, PlannedTensor } from '../../schema/documents/plan.ts';
import { PLAN_FORMAT, PLAN_VERSION } from '../../schema/documents/plan-terms.ts';
import { typeName } from '../../schema/graph.ts';
import { storedType, type TensorParameters } from '../algorithms/parameters.ts';
import type { Plan } from './plan.ts';
import type { Wish } from './wish.ts';

/** The plan as plain JSON data: every operator and every tensor with its reason. */
export function planDocument(plan: Plan, model?: { readonly file: string; readonly sha256: string }): PlanDocument {
  return {
    format: PLAN_FORMAT,
    version: PLAN_VERSION,
    ...(model && { model: { file: model.file, sha256: model.sha256 } }),
    operators: plan.operators.map(({ subgraph, operator, name, scope, mode, reason, resolution }) => ({
      subgraph,
      operator,
      name,
      scope,
      mode,
      reason,
      rule: resolution?.rule ?? null,
    })),
    tensors: plannedTensors(plan),
    warnings: [...plan.warnings],
  };
}

/** What the writer of each tensor gives and each reader wants, equal wishes once. */
export function plannedTensors({ model, wishes }: Plan): PlannedTensor[] {
  return wishes.flatMap((tensors, subgraph) =>
    tensors.flatMap(({ producer, consumers }, tensor) => {
      const name = model.subgraphs[subgraph]?.tensors[tensor]?.name || `tensor ${tensor}`;
      const row = (role: PlannedTensor['role']) => (wish: Wish) =>
        wish.parameters ? [{ subgraph, tensor, name, role, ...describe(wish.parameters) }] : [];
      const readers = new Map(consumers.flatMap(row('read as')).map((entry) => [entry.type + entry.parameters, entry]));
      const writer = (producer ? [producer] : []).flatMap(row('written as'));
      return [
        ...writer,
        ...[...readers].filter(([key]) => !writer.some((w) => w.type + w.parameters === key)).map(([, r]) => r),
      ];
    }),
  );
}

function describe(parameters: TensorParameters): Pick<PlannedTensor, 'type' | 'parameters' | 'reason'> {
  const { scales, zeroPoints, axis, blockSize, reason } = parameters;
  const type = typeName(storedType(parameters));
  if (scales.length === 0) return { type, parameters: '', reason };
  const along = blockSize > 0 ? `blocks of ${blockSize}` : `along axis ${axis}`;
  const text =
    scales.length === 1
      ? `scale ${scales[0]?.toPrecision(6)}, zero point ${zeroPoints[0]}`
      : `${scales.length} scales ${along}`;
  return { type, parameters: text, reason };
}
