import { openFileSource } from '../../../schema/file-source.node.ts';
import { readContainer } from '../../../schema/litertlm/container.ts';
import { isContainerFile } from '../../../schema/litertlm/container-file.node.ts';
import { openModelFile } from '../../../schema/model-file.node.ts';
import { inspectModel, type ModelSummary, type QuantizationSummary, type SubgraphSummary } from '../../inspect.ts';
import { inspectContainer } from '../../inspect-container.ts';
import { columns, formatBytes } from '../../report/format.ts';
import type { CommandRun, Context } from '../context.ts';
import type { Style } from '../style.ts';

/** `aeq inspect <model|container>` */
export const run: CommandRun = async ([path = ''], context) => {
  const { print, result, style } = context;
  if (isContainerFile(path)) return runOnContainer(path, context);
  const file = openModelFile(path);
  const summary = inspectModel(file.model);
  file.close();
  result({ file: path, sizeBytes: file.sizeBytes, ...summary });
  print(`${style.bold(path)}  ${formatBytes(file.sizeBytes)}${summary.description ? `  ${summary.description}` : ''}`);
  print(describeModel(summary, style));
  return 0;
};

function runOnContainer(path: string, { print, result, style }: Context): 0 {
  const source = openFileSource(path);
  try {
    const { sizeBytes } = source;
    const summary = inspectContainer(readContainer(source, path));
    result({ file: path, sizeBytes, ...summary });
    print(`${style.bold(path)}  ${formatBytes(sizeBytes)}  version ${summary.version}`);
    for (const [key, value] of Object.entries(summary.facts)) print(`${key}  ${value}`);
    const rows = summary.sections.map(({ index, type, sizeBytes: size, facts }) => [
      String(index),
      type.toLowerCase(),
      formatBytes(size),
      Object.entries(facts)
        .map(([key, value]) => `${key} ${value}`)
        .join(', '),
    ]);
    print(columns([['section', 'type', 'size', 'facts'].map(style.dim), ...rows]).join('\n'));
    for (const { index, component, model } of summary.sections) {
      if (model) print(`\n${style.bold(component ?? `section ${index}`)}\n${describeModel(model, style)}`);
    }
    return 0;
  } finally {
    source.close();
  }
}

function describeModel(summary: ModelSummary, style: Style): string {
  const lines = [describeConstants(summary)];
  for (const signature of summary.signatures) lines.push(describeSignature(signature, style));
  summary.subgraphs.forEach((subgraph, index) => {
    lines.push(`\n${style.bold(`subgraph ${index}`)}${subgraph.name ? ` ${subgraph.name}` : ''}`);
    lines.push(`operators  ${describeCounts(subgraph.operators)}`, tensorTable(subgraph, style));
  });
  const sized = (entries: readonly { name: string; sizeBytes: number }[]) =>
    entries.map(({ name, sizeBytes }) => `${name} (${formatBytes(sizeBytes)})`).join(', ');
  if (summary.metadata.length > 0) lines.push(`\nmetadata   ${sized(summary.metadata)}`);
  if (summary.associatedFiles.length > 0) lines.push(`\nfiles      ${sized(summary.associatedFiles)}`);
  return lines.join('\n');
}

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
