/**
 * Speed of every kernel against its plain twin and a memory copy: `npx tsx scripts/bench/kernels.ts [name ...]`.
 * GB/s counts the bytes read; ns is per element. The best of many runs, after the engine has optimised the loops, so that
 * other work on the machine counts least.
 */
import { instantiateKernels, type Kernels, plainKernels, RATIO_BINS } from '../../kernels/index.ts';

/** 27.6 MB of float32: the activations of a middle-sized vision model, too much for the caches of a small machine. */
const COUNT = 6_900_000;
const SIDE = 2624;
const CHANNELS = 64;
const FLOATS = 1 << 16;
const OTHER = FLOATS + 4 * COUNT + 64 - ((FLOATS + 4 * COUNT) % 64);
const HALF_ZEROS = OTHER + 4 * COUNT + 64 - ((OTHER + 4 * COUNT) % 64);
const TARGET = HALF_ZEROS + 4 * COUNT + 64 - ((HALF_ZEROS + 4 * COUNT) % 64);
const SCALES = 64;
const SUMS = 128;
const ZEROS = 16384;
/** With these, no value is clipped to four bits. */
const WIDE_SCALES = ZEROS * 3;
const TABLE = TARGET;

interface Job {
  readonly name: string;
  readonly readBytes: number;
  readonly count: number;
  readonly run: (kernels: Kernels) => void;
}

const one = { outer: 1, channels: 1, inner: COUNT };
const rows = { outer: 1, channels: SIDE, inner: SIDE };
const columns = { outer: Math.floor(COUNT / CHANNELS), channels: CHANNELS, inner: 1 };
const blocks = { outer: 1, channels: 4032, inner: 32 };
/** A multiple of the largest size. */
const ROTATED = COUNT - (COUNT % 4096);
const clip = (bits: number, count: number) => {
  const noise = Math.fround(4 ** -bits / 3);
  return { noise, unclipped: noise * count, rounds: 10 };
};
const int8 = { bits: 8, least: -128, greatest: 127 } as const;
const int16 = { bits: 16, least: -32767, greatest: 32767 } as const;
const int32 = { bits: 32, least: -2147483647, greatest: 2147483647 } as const;

const job = (name: string, bytesEach: number, count: number, run: (kernels: Kernels) => void): Job => ({
  name,
  readBytes: bytesEach * count,
  count,
  run,
});

const jobs: readonly Job[] = [
  job('memory copy', 4, COUNT, ({ memory }) => {
    new Uint8Array(memory.buffer).copyWithin(TARGET, FLOATS, FLOATS + 4 * COUNT);
  }),
  job('rangeFloat32', 4, COUNT, (k) => k.rangeFloat32(FLOATS, COUNT)),
  job('rangeFloat32, zeros', 4, COUNT, (k) => k.rangeFloat32(HALF_ZEROS, COUNT)),
  job('surveyFloat32, one in 8', 4, COUNT, (k) => k.surveyFloat32(FLOATS, COUNT, TABLE, 6, 8)),
  job('surveyFloat32, zeros, one in 8', 4, COUNT, (k) => k.surveyFloat32(HALF_ZEROS, COUNT, TABLE, 6, 8)),
  job('rangeInteger int8', 1, 4 * COUNT, (k) => k.rangeInteger(FLOATS, 4 * COUNT, 8, true)),
  job('rangeInteger int32', 4, COUNT, (k) => k.rangeInteger(FLOATS, COUNT, 32, true)),
  job('rangePerChannel rows', 4, SIDE * SIDE, (k) => k.rangePerChannel(FLOATS, rows, TARGET, TARGET + 65536, false)),
  job('rangePerChannel inner = 1', 4, columns.outer * CHANNELS, (k) =>
    k.rangePerChannel(FLOATS, columns, TARGET, TARGET + 65536, false),
  ),
  job('quantize int8', 4, COUNT, (k) => k.quantize(FLOATS, one, SCALES, ZEROS * 2, int8, TARGET)),
  job('quantize int16', 4, COUNT, (k) => k.quantize(FLOATS, one, SCALES, ZEROS * 2, int16, TARGET)),
  job('quantize int32', 4, COUNT, (k) => k.quantize(FLOATS, one, SCALES, ZEROS * 2, int32, TARGET)),
  job('quantize int8 rows', 4, SIDE * SIDE, (k) => k.quantize(FLOATS, rows, SCALES, ZEROS * 2, int8, TARGET)),
  job('quantize int8 inner = 1', 4, columns.outer * CHANNELS, (k) =>
    k.quantize(FLOATS, columns, SCALES, ZEROS * 2, int8, TARGET),
  ),
  job('quantize int8 blocks of 32', 4, 4032 * 32, (k) => k.quantize(FLOATS, blocks, SCALES, ZEROS * 2, int8, TARGET)),
  job('quantizePacked rows', 4, SIDE * SIDE, (k) => k.quantizePacked(FLOATS, rows, WIDE_SCALES, TARGET)),
  job('quantizePacked rows, clipped', 4, SIDE * SIDE, (k) => k.quantizePacked(FLOATS, rows, SCALES, TARGET)),
  job('quantizePacked blocks of 32', 4, 4032 * 32, (k) => k.quantizePacked(FLOATS, blocks, WIDE_SCALES, TARGET)),
  job('quantizeChannelsPacked rows', 4, SIDE * SIDE, (k) =>
    k.quantizeChannelsPacked(
      FLOATS,
      rows,
      { mins: TARGET, maxs: TARGET + 16384, scales: TARGET + 32768 },
      TARGET + 65536,
    ),
  ),
  job('quantizeBlocksPacked of 32', 4, 32 * Math.floor(COUNT / 32), (k) =>
    k.quantizeBlocksPacked(FLOATS, { channels: Math.floor(COUNT / 32), inner: 32 }, true, HALF_ZEROS, TARGET),
  ),
  job('dequantize int8', 1, COUNT, (k) => k.dequantize(FLOATS, 'int8', COUNT, 0.01, 3, TARGET)),
  job('dequantize int16', 2, COUNT, (k) => k.dequantize(FLOATS, 'int16', COUNT, 0.01, 3, TARGET)),
  job('compare', 8, COUNT, (k) => k.compare(FLOATS, OTHER, COUNT, SUMS)),
  job('compareChannels', 8, columns.outer * CHANNELS, (k) =>
    k.compareChannels(FLOATS, OTHER, { rows: columns.outer, length: CHANNELS, stride: CHANNELS }, SUMS, TARGET),
  ),
  job('countRatios', 8, COUNT, (k) => {
    k.countRatios(FLOATS, OTHER, COUNT, 1, TABLE);
    k.takeCounts(TABLE, RATIO_BINS + 6, TABLE + 4096);
  }),
  job('countOutside', 4, COUNT, (k) => k.countOutside(FLOATS, COUNT, -1, 1)),
  job('histogramFloat32', 4, COUNT, (k) => k.histogramFloat32(FLOATS, COUNT, TABLE, 6)),
  job('histogramFloat32, zeros', 4, COUNT, (k) => k.histogramFloat32(HALF_ZEROS, COUNT, TABLE, 6)),
  job('pack 4 bits', 1, COUNT, (k) => k.pack(FLOATS, COUNT, 4, TARGET)),
  job('pack 2 bits', 1, COUNT, (k) => k.pack(FLOATS, COUNT, 2, TARGET)),
  job('unpack 4 bits', 0.5, COUNT, (k) => k.unpack(FLOATS, COUNT, 4, TARGET)),
  job('unpack 2 bits', 0.25, COUNT, (k) => k.unpack(FLOATS, COUNT, 2, TARGET)),
  job('fromFloat16', 2, COUNT, (k) => k.fromFloat16(FLOATS, COUNT, TARGET)),
  job('toFloat16', 4, COUNT, (k) => k.toFloat16(FLOATS, COUNT, TARGET)),
  job('blockScales of 32', 4, 32 * Math.floor(COUNT / 32), (k) =>
    k.blockScales(FLOATS, Math.floor(COUNT / 32), 32, { greatest: 7, limited: true }, TARGET),
  ),
  job('sumSquares rows', 4, SIDE * SIDE, (k) => k.sumSquares(FLOATS, rows, TARGET)),
  job('clipBounds rows, 4 bits', 4, SIDE * SIDE, (k) => void k.clipBounds(FLOATS, rows, clip(4, SIDE), TARGET)),
  job('clipBounds rows, 8 bits', 4, SIDE * SIDE, (k) => void k.clipBounds(FLOATS, rows, clip(8, SIDE), TARGET)),
  job('clipBounds blocks of 32', 4, 4032 * 32, (k) => void k.clipBounds(FLOATS, blocks, clip(4, 32), TARGET)),
  job('rotate by 64', 4, ROTATED, (k) => k.rotate(FLOATS, ROTATED, 64, SCALES, TARGET)),
  job('rotate by 4096', 4, ROTATED, (k) => k.rotate(FLOATS, ROTATED, 4096, SCALES, TARGET)),
];

/** Seeded values shaped like activations: mostly small, both signs, a few large. */
function fill(memory: WebAssembly.Memory): void {
  const floats = new Float32Array(memory.buffer, FLOATS, COUNT);
  const others = new Float32Array(memory.buffer, OTHER, COUNT);
  const rectified = new Float32Array(memory.buffer, HALF_ZEROS, COUNT);
  let state = 12345;
  const random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  for (let i = 0; i < COUNT; i += 1) {
    floats[i] = (random() + random() + random() - 1.5) * 4 ** (random() * 3);
    others[i] = (floats[i] as number) + (random() - 0.5) * 0.01;
    rectified[i] = Math.max(0, floats[i] as number);
  }
  new Float32Array(memory.buffer, SCALES, 4096).fill(0.031);
  new Int32Array(memory.buffer, ZEROS * 2, 4096).fill(3);
  new Float32Array(memory.buffer, WIDE_SCALES, 4096).fill(16);
}

/** Milliseconds of the quickest run, over at least `repeats` runs. */
function measure(run: () => void, repeats: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < repeats; i += 1) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const wanted = process.argv.slice(2);
const memory = new WebAssembly.Memory({ initial: Math.ceil((TARGET + 4 * COUNT + 65536) / 65536) });
fill(memory);
const simd = instantiateKernels(memory);
const plain = plainKernels(memory);
console.log(
  `${'kernel'.padEnd(32)}${'ms'.padStart(8)}${'GB/s'.padStart(8)}${'ns'.padStart(8)}${'plain ms'.padStart(11)}`,
);
for (const { name, readBytes, count, run } of jobs) {
  if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue;
  const fast = measure(() => run(simd), 200);
  const slow = name === 'memory copy' ? fast : measure(() => run(plain), 3);
  const figures = [fast.toFixed(2), (readBytes / fast / 1e6).toFixed(1), ((fast * 1e6) / count).toFixed(2)];
  console.log(`${name.padEnd(32)}${figures.map((text) => text.padStart(8)).join('')}${slow.toFixed(1).padStart(11)}`);
}
