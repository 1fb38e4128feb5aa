import type { Comparison } from '../../schema/documents/comparison.ts';
import { formatBytes, formatDb, formatShare } from './format.ts';
import { layersOf } from './ranking.ts';

/** One number of an earlier run beside the same number now. */
export interface BaselineDifference {
  readonly subject: string;
  readonly measure: string;
  readonly before: string;
  readonly now: string;
  /** Whether the change is for the worse; undefined where it is too small to say. */
  readonly worse: boolean | undefined;
}

/** Changes of SQNR below this are noise of the choice of samples. */
const NOTABLE_DB = 0.5;
/** Layers that are listed, those that changed most first. */
const MOST_LAYERS = 10;

/** What has changed since an earlier comparison: sizes, outputs, accuracy, and the layers that changed most. */
export function baselineDifferences(comparison: Comparison, baseline: Comparison): BaselineDifference[] {
  return [
    ...sizeDifference(comparison, baseline),
    ...accuracyDifferences(comparison, baseline),
    ...layerDifferences(comparison, baseline),
  ];
}

/** Why two comparisons say little about each other; undefined if they belong together. */
export function baselineMismatch(comparison: Comparison, baseline: Comparison): string | undefined {
  if (comparison.float.sha256 !== baseline.float.sha256) return 'the baseline was measured against another float model';
  const samples = ({ signatures }: Comparison) => signatures.map(({ key, samples: count }) => `${key} ${count}`).join();
  if (samples(comparison) !== samples(baseline)) return 'the baseline was measured on another number of samples';
  const data = ({ datasets }: Comparison) => datasets.map(({ contentHash = '' }) => contentHash).join();
  return data(comparison) === data(baseline) ? undefined : 'the baseline was measured on other samples';
}

function sizeDifference({ quantized }: Comparison, { quantized: before }: Comparison): BaselineDifference[] {
  if (quantized.sizeBytes === before.sizeBytes) return [];
  return [
    {
      subject: 'file',
      measure: 'size',
      before: formatBytes(before.sizeBytes),
      now: formatBytes(quantized.sizeBytes),
      worse: quantized.sizeBytes > before.sizeBytes,
    },
  ];
}

function accuracyDifferences(comparison: Comparison, baseline: Comparison): BaselineDifference[] {
  const now = comparison.classification;
  const before = baseline.classification;
  if (!now || !before) return [];
  const rows: [string, number | undefined, number | undefined][] = [
    ['top-1', before.quantized?.top1, now.quantized?.top1],
    ['top-5', before.quantized?.top5, now.quantized?.top5],
    ['agreement', before.agreement, now.agreement],
  ];
  return rows.flatMap(([measure, a, b]) => {
    if (a === undefined || b === undefined || a === b) return [];
    return [{ subject: now.output, measure, before: formatShare(a), now: formatShare(b), worse: b < a }];
  });
}

function layerDifferences(comparison: Comparison, baseline: Comparison): BaselineDifference[] {
  const earlier = new Map(layersOf(baseline).map((layer) => [keyOf(layer), layer.tensor]));
  const changed = layersOf(comparison).flatMap((layer) => {
    const before = earlier.get(keyOf(layer))?.metrics.sqnrDb;
    const now = layer.tensor.metrics.sqnrDb;
    if (before === undefined || Object.is(before, now)) return [];
    return [{ tensor: layer.tensor, before, now, change: changeOf(before, now) }];
  });
  const outputs = changed.filter(({ tensor }) => tensor.role === 'output');
  const layers = changed
    .filter(({ tensor, change }) => tensor.role !== 'output' && Math.abs(change) >= NOTABLE_DB)
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change))
    .slice(0, MOST_LAYERS);
  return [...outputs, ...layers].map(({ tensor, before, now, change }) => ({
    subject: tensor.signatureName ?? tensor.name,
    measure: 'SQNR dB',
    before: formatDb(before),
    now: formatDb(now),
    worse: Math.abs(change) < NOTABLE_DB ? undefined : change < 0,
  }));
}

const keyOf = ({ signature, tensor }: ReturnType<typeof layersOf>[number]) => `${signature}\0${tensor.name}`;

/** NaN is as bad as can be, exact as good as can be. */
function changeOf(before: number, now: number): number {
  const finite = (value: number) => (Number.isNaN(value) ? -1000 : Math.max(-999, Math.min(999, value)));
  return finite(now) - finite(before);
}
