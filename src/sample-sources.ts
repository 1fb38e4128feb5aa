import { selectIndices } from '../calibration/selection.ts';
import { iterableDataset, type SampleIterable } from '../datasets/iterable.ts';
import type { FileDataset } from '../datasets/options.ts';
import type { Dataset, InputSpec } from '../datasets/sample.ts';
import { AeqError } from '../schema/errors.ts';
import { operatorBuiltin, type SignatureView, signatureShape, signatures, tensorConstant } from '../schema/graph.ts';
import type { Model } from '../schema/model.ts';
import { specOfBuiltin } from './ops/index.ts';

/** Samples of one signature, or by signature key. */
export type SampleSources = SampleSource | Readonly<Record<string, SampleSource>>;
type SampleSource = Dataset | SampleIterable;

/** What a signature takes, for a data set to make its samples to fit. */
export function inputSpecs(model: Model, view: SignatureView): InputSpec[] {
  return view.inputs.map(({ name, tensor }) => {
    const entry = model.subgraphs[view.subgraph]?.tensors[tensor];
    const rows = rowsOf(model, view.subgraph, tensor);
    const shape = entry ? [...signatureShape(entry)] : [];
    return { name, type: entry?.type ?? 0, shape, ...(rows !== undefined && { rows }) };
  });
}

/** Rows of the smallest table that the numbers of a tensor choose from, such as an embedding; undefined without any. */
function rowsOf(model: Model, subgraph: number, tensor: number): number | undefined {
  const graph = model.subgraphs[subgraph];
  const lengths = (graph?.operators ?? []).flatMap((operator) => {
    const { looksUp } = specOfBuiltin(operatorBuiltin(model, operator)) ?? {};
    if (!looksUp || operator.inputs[looksUp.rows] !== tensor) return [];
    const table = graph?.tensors[operator.inputs[looksUp.table] ?? -1];
    // Of what is computed, the shape in the file need not be the shape in the end.
    if (!table || !tensorConstant(model, table)) return [];
    const shape = table.shape ?? [];
    return shape.at(looksUp.axis(operator) ?? shape.length) ?? [];
  });
  return lengths.length === 0 ? undefined : Math.min(...lengths);
}

/**
 * The signature of a key; without one the only signature, or `serving_default` among several.
 * @throws AeqError SIGNATURE_UNKNOWN naming those there are.
 */
export function chooseSignature(model: Model, key?: string): SignatureView {
  const views = signatures(model);
  const wanted = key ?? (views.length === 1 ? views[0]?.key : 'serving_default');
  const view = views.find((entry) => entry.key === wanted);
  if (view) return view;
  const keys = views.map((entry) => entry.key).join(', ');
  const message = key === undefined ? `the model has several signatures: ${keys}` : `the model has no signature ${key}`;
  throw new AeqError('SIGNATURE_UNKNOWN', message, {
    hint: key === undefined ? 'say which with --signature, or --data <signature>=<source>' : `it has ${keys}`,
  });
}

/** Data sets by signature key. */
export function datasetsOf(model: Model, sources: SampleSources, samples?: number): Map<string, Dataset> {
  const dataset = (view: SignatureView, source: SampleSource): [string, Dataset] => [
    view.key,
    isDataset(source) ? source : iterableDataset(source, inputSpecs(model, view), { samples }),
  ];
  if (typeof sources !== 'object' || sources === null) {
    throw new AeqError('FEED_INVALID', `samples are an iterable of { inputName: values }, not ${String(sources)}`, {
      hint: 'give an array, a generator or an async iterable, or one for each signature key',
    });
  }
  if (isSource(sources)) return new Map([dataset(chooseSignature(model), sources)]);
  return new Map(Object.entries(sources).map(([key, source]) => dataset(chooseSignature(model, key), source)));
}

/** Indices of the samples to take; what a manifest says of it holds where the options say nothing. */
export function chosenSamples(
  dataset: Dataset,
  length: number,
  { samples, seed }: { samples?: number | undefined; seed?: number | undefined },
): number[] {
  const said: FileDataset['selection'] = 'selection' in dataset ? (dataset as FileDataset).selection : {};
  return selectIndices(length, samples ?? said.samples, seed ?? said.seed);
}

function isSource(sources: SampleSources): sources is SampleSource {
  return isDataset(sources) || Symbol.iterator in sources || Symbol.asyncIterator in sources;
}

const isDataset = (source: object): source is Dataset => 'samples' in source && 'description' in source;
