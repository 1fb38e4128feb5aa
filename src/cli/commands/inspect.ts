import { openModelFile } from '../../../schema/model-file.node.ts';
import { inspectModel, type ModelSummary, type QuantizationSummary, type SubgraphSummary } from '../../inspect.ts';
import { columns, formatBytes } from '../../report/format.ts';
import type { CommandRun } from '../context.ts';
import type { Style } from '../style.ts';

/** `aeq inspect <model>` */
export const run: CommandRun = async ([path = ''], { print, result, style }) => {
  const file = openModelFile(path);
  const summary = inspectModel(file.model);
  file.close();
  result({ file: path, sizeBytes: file.sizeBytes, ...summary });
  print(`${style.bold(path)}  ${formatBytes(file.sizeBytes)}${summary.description ? `  ${summary.description}` : ''}`);
  print(describeConstants(summary));
  for (const signature of summary.signatures) print(describeSignature(signature, style));
  summary.subgraphs.forEach((subgraph, index) => {
    print(`\n${style.bold(`subgraph ${index}`)}${subgraph.name ? ` ${subgraph.name}` : ''}`);
    print(`operators  ${describeCounts(subgraph.operators)}`);
    print(tensorTable(subgraph, style));
  });
  if (summary.metadata.length > 0) {
    print(
      `\nmetadata   ${summary.metadata.map(({ name, sizeBytes }) => `${name} (${formatBytes(sizeBytes)})`).join(', ')}`,
    );
  }
  return 0;
};

const describeCounts = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ') || 'none';

function describeConstants({ constantBytes }: ModelSummary): string {
  const parts = Object.entries(constantBytes).map(
    ([type, sizeBytes]) => `${type.toLowerCase()} ${formatBytes(sizeBytes)}`,
  );
  return `constants  ${parts.join(', ') || 'none'}`;
}

function describeSignature(signature: ModelSummary['signatures'][number], style: Style): string {
  const tensor = ({ name, type, shape }: ModelSummary['signatures'][number]['inputs'][number]) =>
    `${name} ${type.toLowerCase()} ${describeShape(shape)}`;
  const title = signature.declared ? `signature  ${signature.key}` : 'signature  none: tensor names stand in';
  return [
    style.bold(title),
    ...signature.inputs.map((input) => `  in   ${tensor(input)}`),
    ...signature.outputs.map((output) => `  out  ${tensor(output)}`),
  ].join('\n');
}

/** `[1,28,28,1]`, free dimensions as `?`. */
const describeShape = (shape: readonly number[]) => `[${shape.map((length) => (length < 0 ? '?' : length)).join(',')}]`;

function tensorTable({ tensors }: SubgraphSummary, style: Style): string {
  const rows = tensors.map(({ index, name, type, shape, constantBytes, quantization }) => [
    String(index),
    type.toLowerCase(),
    describeShape(shape),
    constantBytes === undefined ? '' : formatBytes(constantBytes),
    quantization ? describeQuantization(quantization) : '',
    name,
  ]);
  const header = ['tensor', 'type', 'shape', 'constant', 'quantization', 'name'].map((title) => style.dim(title));
  return columns([header, ...rows], new Set([0, 3])).join('\n');
}

function describeQuantization({ granularity, scales, scale, zeroPoint, axis, blockSize }: QuantizationSummary): string {
  if (granularity === 'block') return `${scales} scales, blocks of ${blockSize}`;
  if (granularity === 'channel') return `${scales} scales along axis ${axis}`;
  return `scale ${scale?.toPrecision(6)}, zero point ${zeroPoint}`;
}
