import type { Comparison } from '../../schema/documents/comparison.ts';
import { type Layer, layersOf } from './ranking.ts';

/** A measure as node data for Model Explorer: a file of its own, because one file is one colouring of the graph. */
interface NodeMeasure {
  readonly value: (layer: Layer) => number | null | undefined;
  /** Upper bounds of the ranges, from the worst on where low is bad, from the best on where high is bad. */
  readonly limits: readonly number[];
  readonly lowIsBad: boolean;
}

const MEASURES = {
  sqnr_db: { value: ({ tensor }) => tensor.metrics.sqnrDb, limits: [0, 10, 20, 30, 40, 1000], lowIsBad: true },
  injected_sqnr_db: {
    value: ({ injected }) => injected?.metrics?.sqnrDb,
    limits: [0, 10, 20, 30, 40, 1000],
    lowIsBad: true,
  },
  cosine: { value: ({ tensor }) => tensor.metrics.cosine, limits: [0.5, 0.9, 0.97, 0.99, 0.999, 1], lowIsBad: true },
  mse: { value: ({ tensor }) => tensor.metrics.mse, limits: [1e-6, 1e-4, 1e-2, 1, 1e2, 1e38], lowIsBad: false },
  error_over_scale: {
    value: ({ tensor }) => tensor.metrics.errorOverScale,
    limits: [0.3, 0.5, 1, 3, 10, 1e38],
    lowIsBad: false,
  },
  clipped_share: {
    value: ({ tensor }) => tensor.metrics.clippedShare,
    limits: [0, 0.001, 0.01, 0.05, 0.2, 1],
    lowIsBad: false,
  },
} as const satisfies Record<string, NodeMeasure>;

/** From good to bad; readable with black text. */
const COLORS = ['#b7e4c7', '#d8f3dc', '#fff3b0', '#ffd59e', '#ffb3a7', '#ff8fa3'];
/** Colour of what is no number at all. */
const BROKEN = '#d00000';
/** Model Explorer takes numbers only; exact is shown as this. */
const EXACT_DB = 999;

/**
 * Node data by file name, such as `node_data_sqnr_db.json`. Keys are names of output tensors, of the float model and of
 * the quantized one, so that either can be opened; values that are no numbers are at the bad end and red.
 */
export function nodeData(comparison: Comparison): Map<string, unknown> {
  const layers = layersOf(comparison);
  const files = new Map<string, unknown>();
  for (const [name, measure] of Object.entries(MEASURES)) {
    const results = measureResults(layers, measure);
    if (Object.keys(results).length === 0) continue;
    const colors = measure.lowIsBad ? COLORS.toReversed() : COLORS;
    const thresholds = measure.limits.map((value, index) => ({ value, bgColor: colors[index] }));
    files.set(`node_data_${name}.json`, { results, thresholds });
  }
  return files;
}

function measureResults(layers: readonly Layer[], measure: NodeMeasure): Record<string, unknown> {
  const results = new Map<string, unknown>();
  for (const layer of layers) {
    const value = measure.value(layer);
    if (value === null || value === undefined) continue;
    const worst = measure.limits.at(measure.lowIsBad ? 0 : -1);
    const result = Number.isNaN(value)
      ? { value: worst, bgColor: BROKEN }
      : { value: Math.max(-EXACT_DB, Math.min(measure.lowIsBad ? EXACT_DB : 1e38, value)) };
    for (const name of new Set([layer.tensor.name, layer.tensor.quantized.name])) {
      if (!results.has(name)) results.set(name, result);
    }
  }
  return Object.fromEntries(results);
}
