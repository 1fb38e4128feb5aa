import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAGE_BINS, PAGE_WORDS } from '../../kernels/index.ts';
import { expectTwins, floats, floatsOf, randomNumbers, shifts } from './twins.ts';

describe('histogramFloat32', () => {
  it('gives the same table as its twin', () => {
    fc.assert(
      fc.property(floats(), fc.integer({ min: 0, max: 5 }), shifts, (values, mantissaBits, shift) => {
        const table = Uint32Array.from({ length: 2 ** (9 + mantissaBits) }, (_, i) => i % 3);
        expectTwins(
          [values, table],
          (k, [at = 0, counts = 0]) => k.histogramFloat32(at, values.length, counts, mantissaBits),
          shift,
        );
      }),
      { numRuns: 300 },
    );
  });

  it('counts zeros where they belong, also beside values in the entries next to theirs', () => {
    const random = randomNumbers(3);
    // With 6 mantissa bits, entry n holds the denormals from n << 17.
    const bits = Array.from({ length: 3001 }, () => (random() < 0.6 ? 0 : Math.floor(random() * 9) << 17));
    const { outputs } = expectTwins([floatsOf(bits), new Uint32Array(2 ** 15)], (k, [at = 0, table = 0]) =>
      k.histogramFloat32(at, bits.length, table, 6),
    );
    for (let entry = 0; entry < 16; entry += 1) {
      expect(outputs[1]?.[entry]).toBe(bits.filter((x) => x >>> 17 === entry).length);
    }
  });
});

describe('surveyFloat32', () => {
  const TABLE = new Uint32Array(2 ** 9);

  it('gives the same range and the same table as its twin', () => {
    fc.assert(
      fc.property(floats({ maxLength: 400 }), fc.integer({ min: 1, max: 9 }), shifts, (values, every, shift) => {
        expectTwins(
          [values, TABLE],
          (k, [at = 0, counts = 0]) => k.surveyFloat32(at, values.length, counts, 0, every),
          shift,
        );
      }),
      { numRuns: 300 },
    );
  });

  it.each([1, 2, 3, 7, 100, 511, 600, 4000])('does so over several pieces, one in %s counted', (every) => {
    const random = randomNumbers(every);
    const values = Float32Array.from({ length: 40_003 }, () => Math.max(0, random() - 0.4) * 2 ** (20 * random()));
    const { outputs } = expectTwins([values, new Uint32Array(2 ** 9)], (k, [at = 0, table = 0]) =>
      k.surveyFloat32(at, values.length, table, 0, every),
    );
    expect((outputs[1] as Uint32Array).reduce((sum, count) => sum + count, 0)).toBe(values.length);
  });

  it('counts all where one in one is counted, as histogramFloat32 does', () => {
    fc.assert(
      fc.property(floats({ maxLength: 300 }), (values) => {
        const survey = expectTwins([values, TABLE], (k, [at = 0, table = 0]) => {
          return k.surveyFloat32(at, values.length, table, 0, 1);
        });
        const histogram = expectTwins([values, TABLE], (k, [at = 0, table = 0]) =>
          k.histogramFloat32(at, values.length, table, 0),
        );
        expect(survey.outputs[1]).toEqual(histogram.outputs[1]);
        const { result } = expectTwins([values], (k, [at = 0]) => k.rangeFloat32(at, values.length));
        expect(survey.result).toMatchObject(result);
      }),
    );
  });

  it('counts a value that stands out once, wherever it is', () => {
    const random = randomNumbers(17);
    const ordinary = Float32Array.from({ length: 20_011 }, () => random() - 0.5);
    for (const every of [2, 5, 700]) {
      for (const place of [0, 7, 4095, 4096, 9999, 16_000]) {
        for (const odd of [100, -100]) {
          const values = ordinary.slice();
          values[place] = odd;
          const { outputs } = expectTwins([values, new Uint32Array(2 ** 9)], (k, [at = 0, table = 0]) =>
            k.surveyFloat32(at, values.length, table, 0, every),
          );
          // The key of 64 to 128, and that of their negatives.
          expect(outputs[1]?.[133 + (odd < 0 ? 256 : 0)]).toBe(1);
        }
      }
    }
  });

  it('gives rare values their weight on average, however many of them stand out', () => {
    const random = randomNumbers(23);
    const tensors = 200;
    const [length, every] = [16_384, 4];
    // Values above 1 are all different; there are from none to some dozens in a piece.
    for (const share of [1 / 16_384, 1 / 4096, 1 / 1024, 1 / 64]) {
      const errors = Array.from({ length: tensors }, () => {
        const values = Float32Array.from({ length }, () => (random() < share ? 1 + random() : random()));
        const { outputs } = expectTwins([values, new Uint32Array(2 ** 9)], (k, [at = 0, table = 0]) =>
          k.surveyFloat32(at, values.length, table, 0, every),
        );
        return (outputs[1]?.[127] ?? 0) - values.filter((x) => x >= 1).length;
      });
      const mean = errors.reduce((sum, error) => sum + error, 0) / tensors;
      const deviation = Math.sqrt(errors.reduce((sum, error) => sum + (error - mean) ** 2, 0) / tensors);
      expect(Math.abs(mean)).toBeLessThanOrEqual((5 * deviation) / Math.sqrt(tensors) + 1e-9);
    }
  });

  it('looks at all places alike, whatever period the values have', () => {
    const every = 12;
    for (const period of [8, 12, 16, 24, 96, 144, 320]) {
      // The keys of powers of two with no mantissa bits: one for each place in the period, 8 values each.
      const groups = period / 8;
      const values = Float32Array.from({ length: 96_000 / 4 }, (_, i) => 2 ** ((Math.floor(i / 8) % groups) - 20));
      const { outputs } = expectTwins([values, new Uint32Array(2 ** 9)], (k, [at = 0, table = 0]) =>
        k.surveyFloat32(at, values.length, table, 0, every),
      );
      const shares = Array.from({ length: groups }, (_, g) => ((outputs[1]?.[107 + g] ?? 0) * groups) / values.length);
      // 250 groups are counted; the share of each place is within five standard deviations of what it should be.
      const deviation = Math.sqrt((groups - 1) / 250);
      for (const share of shares) expect(Math.abs(share - 1)).toBeLessThanOrEqual(5 * deviation);
    }
  });
});

describe('takePages', () => {
  const RECORDS = new Uint32Array(32 * PAGE_WORDS);

  it('moves all counts of a survey out of its table, as its twin does, what is greatest first', () => {
    fc.assert(
      fc.property(floats({ maxLength: 200 }), (values) => {
        const { result, outputs } = expectTwins(
          [RECORDS, values, new Uint32Array(512)],
          (k, [target = 0, at = 0, table = 0]) => {
            const { greatestKey } = k.surveyFloat32(at, values.length, table, 0, 1);
            return k.takePages(table, 0, greatestKey, values.length, target);
          },
        );
        const [records, , left] = outputs as [Uint32Array, Float32Array, Uint32Array];
        expect(left.every((count) => count === 0)).toBe(true);
        const back = new Uint32Array(512);
        for (let at = 0; at < result * PAGE_WORDS; at += PAGE_WORDS) {
          back.set(records.subarray(at + 1, at + PAGE_WORDS), PAGE_BINS * (records[at] ?? 0));
        }
        const counted = expectTwins([values, new Uint32Array(512)], (k, [at = 0, table = 0]) =>
          k.histogramFloat32(at, values.length, table, 0),
        );
        expect(back).toEqual(counted.outputs[1]);
        const numbers = Array.from({ length: result }, (_, i) => (records[i * PAGE_WORDS] ?? 0) % 16);
        const others = numbers.filter((number) => number > 0);
        expect(numbers.slice(numbers.length - others.length)).toEqual(others);
        expect(others).toEqual(others.toSorted((a, b) => b - a));
      }),
    );
  });

  it('looks no further than where it has them all', () => {
    const table = new Uint32Array(512);
    table[16 * 7 + 3] = 5;
    table[16 * 5] = 4;
    const { result, outputs } = expectTwins([RECORDS, table], (k, [target = 0, from = 0]) =>
      k.takePages(from, 0, 16 * 7 + 15, 5, target),
    );
    expect(result).toBe(1);
    expect(outputs[1]?.[16 * 5]).toBe(4);
  });
});

describe('addPages', () => {
  it('adds to the sums of pages, old and new, as its twin does', () => {
    const page = fc.tuple(fc.nat(31), fc.array(fc.nat(0x7fffffff), { minLength: 16, maxLength: 16 }));
    fc.assert(
      fc.property(fc.array(page, { maxLength: 20 }), (list) => {
        const records = Uint32Array.from(list.flatMap(([number, bins]) => [number, ...bins]));
        const { result, outputs } = expectTwins(
          [records, new Uint32Array(32), new Uint32Array(16 * 20)],
          (k, [from = 0, places = 0, room = 0]) => {
            const end = k.addPages(from, list.length, places, room);
            return { room, used: k.addPages(from, list.length, places, end) - room };
          },
        );
        const [, places, sums] = outputs as [Uint32Array, Uint32Array, Uint32Array];
        expect(result.used).toBe(64 * new Set(list.map(([number]) => number)).size);
        for (const [number, bins] of list) {
          const at = ((places[number] ?? 0) - result.room) / 4;
          const all = list.filter((other) => other[0] === number);
          expect([...sums.subarray(at, at + 16)]).toEqual(
            bins.map((_, bin) => all.reduce((sum, other) => (sum + 2 * (other[1][bin] ?? 0)) >>> 0, 0)),
          );
        }
      }),
    );
  });
});
