import type { ModelSource } from '../../calibration/worker-protocol.ts';
import type { ModelEntry } from '../../schema/documents/comparison.ts';
import { operatorName, tensorConstant, typeName } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';

/** A model to be compared, with what a report says of its file. */
export interface ComparedModel {
  readonly file: string;
  readonly model: Model;
  readonly sizeBytes: number;
  /** Hash of the file in hexadecimal, where there is a file. */
  readonly sha256?: string | undefined;
  /** For a worker to open the model itself; without, the model is run in this process. */
  readonly source?: ModelSource | undefined;
}

/** Where the bytes of a model are and what it consists of. */
export function modelEntry({ file, model, sizeBytes, sha256 }: ComparedModel): ModelEntry {
  const constantBytes: Record<string, number> = {};
  const operators: Record<string, number> = {};
  const counted = new Set<number>();
  for (const subgraph of model.subgraphs) {
    for (const tensor of subgraph.tensors) {
      const constant = tensorConstant(model, tensor);
      if (!constant || counted.has(tensor.buffer)) continue;
      counted.add(tensor.buffer);
      const type = typeName(tensor.type);
      constantBytes[type] = (constantBytes[type] ?? 0) + constant.sizeBytes;
    }
    for (const operator of subgraph.operators) {
      const name = operatorName(model, operator);
      operators[name] = (operators[name] ?? 0) + 1;
    }
  }
  return {
    file,
    sizeBytes,
    sha256: sha256 ?? null,
    constantBytes: sorted(constantBytes),
    operators: sorted(operators),
  };
}

/** By value, the greatest first; by name where equal. */
function sorted(counts: Record<string, number>): Record<string, number> {
  const entries = Object.entries(counts).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}
