import type { Cost } from './measure.ts';

/**
 * What one sample more costs: the difference between a long and a short run over the difference of their samples, so
 * that the start counts for nothing. The peak is that of the long run.
 */
export function perSample(run: (samples: number) => Cost, { short, long }: { short: number; long: number }): Cost {
  const few = run(short);
  const many = run(long);
  return {
    wallSeconds: (many.wallSeconds - few.wallSeconds) / (long - short),
    cpuSeconds: (many.cpuSeconds - few.cpuSeconds) / (long - short),
    peakBytes: many.peakBytes,
    output: many.output,
  };
}
