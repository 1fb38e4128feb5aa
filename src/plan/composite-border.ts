import { compositeBody } from '../../calibration/capture/inline.ts';
import { tensorConstant } from '../../schema/graph.ts';
import { type Model, NO_TENSOR } from '../../schema/model.ts';
import { channelRanges } from '../algorithms/constants.ts';
import { extentOfAxis } from '../algorithms/extent.ts';
import type { Composites } from './composites.ts';
import { adopted } from './materialize.ts';
import type { Materials } from './materials.ts';
import type { Lender } from './ranges.ts';
import { type OperandWish, type OperatorTask, tensorOf } from './task.ts';
import { BORDER, firstKind, type TensorWishes, type Wish } from './wish.ts';

/**
 * The wishes of a composite, from those at the border of what it stands for: its operands and results are stored as they
 * are inside. Where the graph around wants something else, a QUANTIZE comes between as anywhere.
 */
export function compositeWishes(
  task: OperatorTask,
  materials: Materials,
  wishes: readonly (readonly TensorWishes[])[],
): OperandWish[] {
  const body = task.node === undefined ? undefined : compositeBody(task.node);
  const inner = task.model.subgraphs[body ?? -1];
  if (body === undefined || !inner) return [];
  const { operator, subgraphIndex } = task;
  const inputs = task.inputs.flatMap((tensor, i): OperandWish[] => {
    if (tensor === NO_TENSOR) return [];
    const wish = inputWish(task, tensor, wishes[body]?.[inner.inputs[i] ?? -1]?.producer);
    return [{ tensor, side: 'consumer', wish }];
  });
  const outputs = task.outputs.flatMap((tensor, i): OperandWish[] => {
    if (tensor === NO_TENSOR) return [];
    const own = inner.outputs[i] ?? -1;
    const inside = wishes[body]?.[own]?.consumers.find((wish) => wish.operator === BORDER);
    if (!inside?.parameters) return [{ tensor, side: 'producer', wish: { operator, kinds: ['keep'] } }];
    const range = materials.ranges.get(body, own);
    if (range) materials.ranges.share(subgraphIndex, tensor, range);
    return [{ tensor, side: 'producer', wish: { operator, kinds: ['dequantize'], parameters: inside.parameters } }];
  });
  return [...inputs, ...outputs];
}

function inputWish(task: OperatorTask, tensor: number, inside: Wish | undefined): Wish {
  const { operator } = task;
  const parameters = inside?.parameters;
  if (!parameters) return { operator, kinds: ['keep'] };
  if (!tensorConstant(task.model, tensorOf(task, tensor))) return { operator, kinds: ['quantize'], parameters };
  return { operator, kinds: ['store'], parameters: adopted(task, tensor, parameters) };
}

/** Whether an input or output of a body has integers inside: only then is it worth being one. */
export function bordersIntegers({ inputs, outputs }: OperatorTask, wishes: readonly TensorWishes[]): boolean {
  const read = outputs.flatMap((tensor) => wishes[tensor]?.consumers ?? []);
  const written = inputs.flatMap((tensor) => wishes[tensor]?.producer ?? []);
  return [...read, ...written].some((wish) => firstKind(wish) !== 'keep');
}

/** Where inputs of bodies have their ranges from: the operands of the composites. */
export function lendersOf(model: Model, composites: Composites): (subgraph: number, tensor: number) => Lender[] {
  return (subgraph, tensor) => {
    const uses = composites.openBody(subgraph)?.uses ?? [];
    const position = uses.length === 0 ? -1 : (model.subgraphs[subgraph]?.inputs.indexOf(tensor) ?? -1);
    if (position < 0) return [];
    return uses.flatMap(({ subgraph: outer, node }): Lender[] => {
      const operand = node.inputs[position] ?? NO_TENSOR;
      const entry = model.subgraphs[outer]?.tensors[operand];
      if (!entry) return [];
      const constant = tensorConstant(model, entry);
      if (!constant) return [{ subgraph: outer, tensor: operand }];
      const { mins, maxs } = channelRanges(constant, extentOfAxis(entry.shape ?? [], undefined));
      return [{ min: mins[0] ?? 0, max: maxs[0] ?? 0 }];
    });
  };
}
