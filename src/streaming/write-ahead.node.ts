import { ftruncateSync } from 'node:fs';
import type { ChannelExtent } from '../../kernels/index.ts';
import type { Constant, ConstantOrigin } from '../../schema/constant.ts';
import type { UnfinishedFile } from '../../schema/write-file.node.ts';
import type { FileLayout, Segment } from '../../schema/writer.ts';
import { type AheadRule, channelsAtOnce, emptyFindings, type Found, partOf } from '../algorithms/codes-ahead.ts';
import { rememberRanges, sameExtent } from '../algorithms/constants.ts';
import { EVERY_ROUND, type Measurement, rememberNumbers } from '../algorithms/group-numbers.ts';
import { numbersOfRanges } from '../algorithms/min-max.ts';
import { type CodeParameters, sameNumbers } from '../algorithms/parameters.ts';
import { isLarge, JOB_ELEMENTS } from './measure-weights.node.ts';
import { threadCount } from './thread.node.ts';
import { Threads } from './threads.node.ts';

/** Codes of a constant that are in a file already, with what they were computed. */
interface Written {
  readonly offset: number;
  readonly from: ConstantOrigin;
  readonly extent: ChannelExtent;
  readonly numbers: Omit<CodeParameters, 'carrier'>;
}

/** What was written to a file before its plan was made. */
export interface WrittenAhead {
  readonly file: UnfinishedFile;
  readonly codes: readonly Written[];
}

/** A constant with the place that its codes will have if everything comes as it is forecast. */
interface Place {
  readonly weight: Measurement;
  readonly from: Extract<ConstantOrigin, { kind: 'file' }>;
  readonly how: AheadRule;
  readonly offset: number;
}

/**
 * Reads large weights once: finds what planning will ask of them and writes their codes, where all of that follows from
 * their own least and greatest values, and `forecast` tells where codes go. Whether these are the right ones is seen when
 * the plan is there: `withoutWritten`. Does nothing, and gives nothing, where one thread would do it or a large weight
 * needs more. @throws AeqError FILE_UNREADABLE, MODEL_TRUNCATED, FILE_UNWRITABLE; the abort reason.
 */
export async function writeAhead(
  weights: readonly Measurement[],
  forecast: () => FileLayout,
  file: UnfinishedFile,
  { threads: asked, signal }: { threads?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<WrittenAhead | undefined> {
  const large = weights.filter(isLarge);
  const bytes = large.reduce((sum, { constant }) => sum + constant.sizeBytes, 0);
  const count = threadCount(bytes, asked);
  if (file.descriptor === undefined || count < 2 || large.length === 0) return undefined;
  const places = placesOf(large, forecast());
  if (!places) return undefined;
  const threads = new Threads(count, signal);
  try {
    const codes = await Promise.all(places.map((place) => writeCodes(place, file, threads)));
    // What is left to write is small, unless the forecast was wrong.
    threads.dismiss();
    return { file, codes };
  } catch (error) {
    await threads.close();
    throw error;
  }
}

/** Undefined unless all of them have one. */
function placesOf(weights: readonly Measurement[], { segments }: FileLayout): Place[] | undefined {
  const stored = new Map<ConstantOrigin, Segment>();
  for (const segment of segments) {
    const codes = codesIn(segment);
    if (!codes) continue;
    // Stored in two forms: which one was measured?
    if (stored.has(codes.from)) return undefined;
    stored.set(codes.from, segment);
  }
  const places: Place[] = [];
  for (const weight of weights) {
    const { constant, extent, rule } = weight;
    const from = constant.origin;
    const segment = from && stored.get(from);
    const codes = segment && codesIn(segment);
    if (!codes || from?.kind !== 'file' || (rule && rule.kind !== 'block-scale')) return undefined;
    const { bits, symmetric, unsigned, carrier } = codes.parameters;
    if (carrier !== 'float32' || !sameExtent(codes.extent, extent)) return undefined;
    if (channelsAtOnce(extent, bits) === undefined) return undefined;
    places.push({ weight, from, how: { type: { bits, symmetric, unsigned }, rule }, offset: segment.offset });
  }
  return places;
}

/** A segment that holds the codes of a constant, and how they are computed. */
function codesIn(segment: Segment) {
  const origin = 'constant' in segment ? segment.constant.origin : undefined;
  if (origin?.kind !== 'derived' || origin.how !== 'quantized') return undefined;
  return { from: origin.from, ...(origin.parameters as { extent: ChannelExtent; parameters: CodeParameters }) };
}

async function writeCodes(
  { weight: { constant, extent }, from, how, offset }: Place,
  { descriptor = -1, temporaryPath: name }: UnfinishedFile,
  threads: Threads,
): Promise<Written> {
  const { channels, inner } = extent;
  const { bits } = how.type;
  const once = channelsAtOnce(extent, bits) as number;
  const step = once * Math.max(1, Math.floor(JOB_ELEMENTS / (once * inner)));
  const all = emptyFindings(extent, how);
  const starts = Array.from({ length: Math.ceil(channels / step) }, (_, i) => i * step);
  await Promise.all(
    starts.map((first) => {
      const part = { outer: 1, channels: Math.min(step, channels - first), inner };
      const start = 4 * first * inner;
      const place = { ...from, offset: from.offset + start, sizeBytes: 4 * part.channels * inner };
      const found = partOf(all, first, first + part.channels);
      const at = offset + (first * inner * bits) / 8;
      return threads.run({ kind: 'ahead', extent: part, how, found, descriptor, offset: at, name }, place);
    }),
  );
  const numbers = remember(constant, extent, how, all);
  return { offset, from, extent, numbers: { ...how.type, ...numbers } };
}

/** Keeps what was found for planning. Returns what the codes were computed with. */
function remember(constant: Constant, extent: ChannelExtent, { type, rule }: AheadRule, found: Found) {
  if ('values' in found) {
    if (rule) rememberNumbers(constant, extent, rule, { values: found.values, rounds: EVERY_ROUND });
    return { scales: found.values, zeroPoints: Float64Array.of(0) };
  }
  rememberRanges(constant, extent, found);
  return numbersOfRanges(found, type);
}

/**
 * What is left to write of a file: everything but the codes that are there already. If any of these is not what the layout
 * wants at that place, the file is emptied and everything is left.
 */
export function withoutWritten(layout: FileLayout, ahead: WrittenAhead): readonly Segment[] {
  const written = new Map(ahead.codes.map((codes) => [codes.offset, codes]));
  const left = layout.segments.filter((segment) => {
    const codes = written.get(segment.offset);
    return !codes || !isWritten(segment, codes);
  });
  if (left.length === layout.segments.length - written.size) return left;
  // Gaps are zero by themselves only where nothing was.
  ftruncateSync(ahead.file.descriptor as number, 0);
  return layout.segments;
}

function isWritten(segment: Segment, { from, extent, numbers }: Written): boolean {
  const codes = codesIn(segment);
  if (!codes || codes.from !== from || !sameExtent(codes.extent, extent)) return false;
  const { bits, symmetric, unsigned, carrier, scales, zeroPoints } = codes.parameters;
  if (carrier !== 'float32' || bits !== numbers.bits) return false;
  if (symmetric !== numbers.symmetric || unsigned !== numbers.unsigned) return false;
  // Mostly they are what was remembered for the plan: of blocks there are millions.
  if (scales !== numbers.scales && !sameNumbers(scales, numbers.scales)) return false;
  return zeroPoints === numbers.zeroPoints || sameNumbers(zeroPoints, numbers.zeroPoints);
}
