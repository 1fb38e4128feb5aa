import type { Model } from '../../schema/model.ts';
import { BORDER } from '../plan/wish.ts';
import type { TensorInstructions } from './instruction.ts';

const SUFFIXES = [
  ['dequantize', '_dequant'],
  ['quantize', '_quantized'],
] as const;

/**
 * As the original moves signature outputs to inserted tensors: by name, and only when some step of that kind in the
 * whole model serves nothing but a graph's output.
 */
export function patchSignaturesByName(model: Model, instructions: readonly TensorInstructions[]): void {
  for (const [kind, suffix] of SUFFIXES) {
    const any = instructions.some(({ steps }) =>
      steps.some((step) => step.kind === kind && step.consumers.length === 1 && step.consumers[0] === BORDER),
    );
    if (any) patch(model, suffix);
  }
}

function patch(model: Model, suffix: string): void {
  if (!model.signatureDefs && model.subgraphs.length > 0) return;
  for (const signature of model.signatureDefs ?? []) {
    const graph = model.subgraphs[signature.subgraphIndex];
    for (const output of graph?.outputs ?? []) {
      const name = graph?.tensors[output]?.name;
      const stale = signature.outputs.find(
        ({ tensorIndex }) => `${graph?.tensors[tensorIndex]?.name}${suffix}` === name,
      );
      if (stale) stale.tensorIndex = output;
    }
  }
}
