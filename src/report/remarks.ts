import type { Comparison, Metrics } from '../../schema/documents/comparison.ts';
import { displayName, formatShare, plural } from './format.ts';

/** Fewer samples than this say little about a layer. */
const FEW_SAMPLES = 8;
const MUCH_CLIPPED = 0.01;
/** With this much signal left, what is clipped does not matter: probabilities that round to the highest code, for one. */
const HARMLESS_DB = 40;

/** Sentences on what must not be overlooked in the numbers. */
export function remarks(comparison: Comparison): string[] {
  const { signatures, weights, operators } = comparison;
  const all = signatures.flatMap(({ outputs, tensors }) => [...outputs, ...tensors]);
  const lines: string[] = [];
  const broken = all.filter(({ metrics }) => nonFinite(metrics.quantizedNonFinite) > nonFinite(metrics.floatNonFinite));
  if (broken[0]) {
    const { nan, infinite } = broken[0].metrics.quantizedNonFinite;
    lines.push(
      `${plural(broken.length, 'tensor')} of the quantized model ${broken.length === 1 ? 'holds' : 'hold'} NaN or infinity, the first is ${displayName(broken[0].name)} (${nan} NaN, ${infinite} infinite of ${broken[0].metrics.elements})`,
    );
  }
  const float = all.filter(({ metrics }) => nonFinite(metrics.floatNonFinite) > 0);
  if (float[0]) {
    lines.push(
      `the float model itself gives NaN or infinity in ${plural(float.length, 'tensor')}, the first is ${displayName(float[0].name)}; such values are left out`,
    );
  }
  const outside = all.filter(({ role, metrics }) => role === 'input' && (metrics.clippedShare ?? 0) > MUCH_CLIPPED);
  if (outside[0]) {
    lines.push(
      `${formatShare(outside[0].metrics.clippedShare)} of the values of input ${outside[0].signatureName} lie outside of the range it was calibrated for: the samples are prepared in another way than those of the calibration`,
    );
  }
  const clipped = all.filter(
    ({ metrics }) => (metrics.clippedShare ?? 0) > MUCH_CLIPPED && !(metrics.sqnrDb > HARMLESS_DB),
  );
  const most = clipped.toSorted((a, b) => (b.metrics.clippedShare ?? 0) - (a.metrics.clippedShare ?? 0))[0];
  if (most) {
    lines.push(
      `${plural(clipped.length, 'tensor')} ${clipped.length === 1 ? 'clips' : 'clip'} more than ${formatShare(MUCH_CLIPPED)} of the values, most ${displayName(most.name)} (${formatShare(most.metrics.clippedShare)}): calibrate on more samples or with --range minmax`,
    );
  }
  const overflown = weights.filter(({ type, clippedChannels }) => /^INT(32|64)$/.test(type) && clippedChannels > 0);
  if (overflown[0]) {
    lines.push(
      `the bias of ${plural(overflown.length, 'operator')} does not fit its scale, first ${overflown[0].operator} ${displayName(overflown[0].name)} (${plural(overflown[0].clippedChannels, 'channel')})`,
    );
  }
  const unmeasured = operators.filter(({ problem }) => problem !== undefined);
  if (unmeasured[0]) {
    lines.push(
      `${plural(unmeasured.length, 'operator')} could not be measured alone: ${unmeasured[0].operator} (${unmeasured[0].problem})`,
    );
  }
  const unmatched = signatures.flatMap((signature) => signature.unmatched);
  if (unmatched[0]) {
    lines.push(
      `${plural(unmatched.length, 'tensor')} could not be compared, such as ${displayName(unmatched[0].name)}: ${unmatched[0].reason}`,
    );
  }
  const fewest = Math.min(...signatures.map(({ samples }) => samples));
  if (fewest < FEW_SAMPLES) lines.push(`${plural(fewest, 'sample')} say little; use at least ${FEW_SAMPLES}`);
  return lines;
}

const nonFinite = ({ nan, infinite }: Metrics['floatNonFinite']) => nan + infinite;
