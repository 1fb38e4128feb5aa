import { cloneModel } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { settleDecoded } from '../plan/decoded-weights.ts';
import type { Plan } from '../plan/plan.ts';
import { BORDER } from '../plan/wish.ts';
import {
  copyBuffer,
  copyTensor,
  insertDequantize,
  insertQuantize,
  type Rewrite,
  storeTensor,
  type Target,
} from './edit.ts';
import type { Instruction, TensorInstructions } from './instruction.ts';
import { instructionsOf } from './instructions.ts';
import { useIntegerForms } from './integer-forms.ts';
import { insertMultiply } from './multiply.ts';
import { adjustOptions } from './options.ts';
import { insertRotation, insertRotationProduct } from './rotate.ts';
import { patchSignaturesByName } from './signatures.ts';
import { raiseVersions } from './versions.ts';

/** Carries a plan out on a copy of its model. Constants of the result are computed when they are read. */
export function applyPlan(plan: Plan): Model {
  const instructions = instructionsOf(plan);
  const model = cloneModel(plan.model);
  const operators = model.subgraphs.map((subgraph) => [...subgraph.operators]);
  for (const list of inBufferOrder(model, instructions)) applySteps(plan, model, operators, list);
  if (plan.conduct.rewiresOutputsOriginally) patchSignaturesByName(model, instructions);
  if (!plan.conduct.repairsSharingCoarsely) {
    settleDecoded(plan.model, model);
    releaseUnread(plan, model);
    useIntegerForms(model);
    adjustOptions(model);
    raiseVersions(model);
    dropUnreferenced(model);
  }
  return model;
}

/** Bytes that no tensor shows any more are not written. */
function dropUnreferenced(model: Model): void {
  const used = new Set(model.metadata?.map(({ buffer }) => buffer));
  for (const buffer of model.metadataBuffer ?? []) used.add(buffer);
  for (const { tensors } of model.subgraphs) for (const { buffer } of tensors) used.add(buffer);
  model.buffers = model.buffers.map((constant, buffer) => (used.has(buffer) ? constant : undefined));
}

/** A constant that nobody reads lets go of bytes that are stored in another form now. */
function releaseUnread(plan: Plan, model: Model): void {
  plan.wishes.forEach((tensors, s) => {
    tensors.forEach(({ producer, consumers }, t) => {
      const tensor = model.subgraphs[s]?.tensors[t];
      if (!tensor || producer || consumers.length > 0) return;
      if (model.buffers[tensor.buffer] !== plan.model.buffers[tensor.buffer]) tensor.buffer = 0;
    });
  });
}

/** Tensors that share a buffer follow each other, buffers in the order of their first tensor: this fixes new indices. */
function inBufferOrder(model: Model, instructions: readonly TensorInstructions[]): TensorInstructions[] {
  const order = new Map<number, number>();
  for (const { tensors } of model.subgraphs) {
    for (const { buffer } of tensors) if (!order.has(buffer)) order.set(buffer, order.size);
  }
  const rank = ({ subgraph, tensor }: TensorInstructions) =>
    order.get(model.subgraphs[subgraph]?.tensors[tensor]?.buffer ?? 0) ?? 0;
  return instructions
    .map((entry) => ({ entry, rank: rank(entry) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ entry }) => entry);
}

function applySteps(
  plan: Plan,
  model: Model,
  originals: readonly (readonly Model['subgraphs'][number]['operators'][number][])[],
  { subgraph, tensor, steps }: TensorInstructions,
): void {
  const graph = model.subgraphs[subgraph];
  const own = originals[subgraph];
  if (!graph || !own) return;
  // Readers that a step has moved to another tensor find their later steps there.
  const moved: { consumers: ReadonlySet<number>; target: Partial<Target> & { tensor: number } }[] = [];
  for (const step of steps) {
    const earlier = moved.findLast(({ consumers }) =>
      step.consumers.some((consumer) => consumers.has(consumer)),
    )?.target;
    const writer = earlier?.producer ?? own[step.producer];
    const target: Target = {
      model,
      conduct: plan.conduct,
      originals: plan.model.buffers,
      subgraph,
      graph,
      tensor: earlier?.tensor ?? tensor,
      consumers: step.consumers.flatMap((consumer) => own[consumer] ?? []),
      isOutput: step.consumers.includes(BORDER),
      ...(writer ? { producer: writer } : {}),
    };
    const result = applyStep(step, target);
    if (result) moved.push({ consumers: new Set(step.consumers), target: result });
  }
}

function applyStep({ kind, parameters }: Instruction, target: Target): Rewrite | undefined {
  switch (kind) {
    case 'copy-buffer':
      copyBuffer(target);
      return undefined;
    case 'copy-tensor':
      return copyTensor(target);
    case 'store':
      if (parameters) storeTensor(target, parameters);
      return undefined;
    case 'quantize':
      return parameters && insertQuantize(target, parameters);
    case 'dequantize':
      if (parameters) storeTensor(target, parameters);
      return parameters && insertDequantize(target);
    case 'rotate':
      return insertRotation(target, parameters?.rotation ?? 0);
    case 'rotate-by-product':
      return insertRotationProduct(target, parameters?.rotation ?? 0);
    case 'multiply':
      return parameters?.multiplier && insertMultiply(target, parameters.multiplier);
    case 'keep':
      return undefined;
  }
}
