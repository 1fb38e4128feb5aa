import { typeName } from '../../schema/graph.ts';
import { storedType, type TensorParameters } from '../algorithms/parameters.ts';
import type { Plan, PlannedOperator } from '../plan/plan.ts';
import type { Wish } from '../plan/wish.ts';
import { columns } from '../report/format.ts';
import type { Style } from './style.ts';

/** The plan for people: operators with their reasons, then tensors with their parameters. */
export function planText(plan: Plan, style: Style): string {
  const operators = plan.operators.map((entry) => [place(entry), entry.name, modeText(entry, style), entry.reason]);
  const tensors = tensorRows(plan).map(({ name, role, type, parameters, reason }) => [
    role,
    type.toLowerCase(),
    parameters,
    reason,
    name,
  ]);
  const header = (titles: string[]) => titles.map((title) => style.dim(title));
  return [
    ...columns([header(['operator', 'name', 'becomes', 'why']), ...operators]),
    '',
    ...columns([header(['', 'type', 'parameters', 'from', 'tensor']), ...tensors]),
  ].join('\n');
}

/** The plan for programs. */
export function planResult(plan: Plan): object {
  return {
    operators: plan.operators.map(({ subgraph, operator, name, scope, mode, reason, resolution }) => ({
      subgraph,
      operator,
      name,
      scope,
      mode,
      reason,
      rule: resolution?.rule ?? null,
    })),
    tensors: tensorRows(plan),
    warnings: plan.warnings,
  };
}

const place = ({ subgraph, operator }: PlannedOperator) => (operator < 0 ? `${subgraph}:-` : `${subgraph}:${operator}`);

function modeText({ mode }: PlannedOperator, style: Style): string {
  return mode === 'float' ? style.yellow(mode) : style.green(mode);
}

interface TensorRow {
  readonly subgraph: number;
  readonly tensor: number;
  readonly name: string;
  readonly role: 'written as' | 'read as';
  readonly type: string;
  readonly parameters: string;
  readonly reason: string;
}

/** What the writer of each tensor gives and each reader wants, equal wishes once. */
function tensorRows({ model, wishes }: Plan): TensorRow[] {
  return wishes.flatMap((tensors, subgraph) =>
    tensors.flatMap(({ producer, consumers }, tensor) => {
      const name = model.subgraphs[subgraph]?.tensors[tensor]?.name || `tensor ${tensor}`;
      const row = (role: TensorRow['role']) => (wish: Wish) =>
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

function describe(parameters: TensorParameters): Pick<TensorRow, 'type' | 'parameters' | 'reason'> {
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
