import type { Plan, PlannedOperator } from '../plan/plan.ts';
import { plannedTensors } from '../plan/plan-document.ts';
import { columns } from '../report/format.ts';
import type { Style } from './style.ts';

/** The plan for people: operators with their reasons, then tensors with their parameters. */
export function planText(plan: Plan, style: Style): string {
  const operators = plan.operators.map((entry) => [place(entry), entry.name, modeText(entry, style), entry.reason]);
  const tensors = plannedTensors(plan).map(({ name, role, type, parameters, reason }) => [
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

const place = ({ subgraph, operator }: PlannedOperator) => (operator < 0 ? `${subgraph}:-` : `${subgraph}:${operator}`);

function modeText({ mode }: PlannedOperator, style: Style): string {
  return mode === 'float' ? style.yellow(mode) : style.green(mode);
}
