import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
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
        expect(survey.result).toEqual(result);
      }),
    );
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
  it('moves what is in a table, as its twin does', () => {
    const entries = fc.array(fc.tuple(fc.nat(511), fc.integer({ min: 1, max: 0xffffffff })), { maxLength: 30 });
    fc.assert(
      fc.property(entries, (list) => {
        const table = new Uint32Array(512);
        for (const [key, count] of list) table[key] = count;
        const { result, outputs } = expectTwins(
          [table, new Uint32Array(32), new Uint32Array(512)],
          (k, [from = 0, numbers = 0, target = 0]) => k.takePages(from, 32, numbers, target),
        );
        const [left, numbers, taken] = outputs as [Uint32Array, Uint32Array, Uint32Array];
        expect(left.every((count) => count === 0)).toBe(true);
        const back = new Uint32Array(512);
        for (let i = 0; i < result; i += 1) back.set(taken.subarray(16 * i, 16 * i + 16), 16 * (numbers[i] ?? 0));
        expect(back).toEqual(table);
      }),
    );
  });
});

describe('addPages', () => {
  it('adds to the sums of pages, old and new, as its twin does', () => {
    const page = fc.tuple(fc.nat(31), fc.array(fc.nat(0x7fffffff), { minLength: 16, maxLength: 16 }));
    fc.assert(
      fc.property(fc.array(page, { maxLength: 20 }), (list) => {
        const numbers = Uint32Array.from(list, ([number]) => number);
        const counts = Int32Array.from(list.flatMap(([, bins]) => bins));
        const { result, outputs } = expectTwins(
          [numbers, counts, new Uint32Array(32), new Float64Array(16 * 20)],
          (k, [from = 0, values = 0, places = 0, room = 0]) => {
            const end = k.addPages(from, values, list.length, places, room);
            return { room, used: k.addPages(from, values, list.length, places, end) - room };
          },
        );
        const [, , places, sums] = outputs as [Uint32Array, Int32Array, Uint32Array, Float64Array];
        expect(result.used).toBe(128 * new Set(numbers).size);
        for (const [number, bins] of list) {
          const at = ((places[number] ?? 0) - result.room) / 8;
          const all = list.filter((other) => other[0] === number);
          expect([...sums.subarray(at, at + 16)]).toEqual(
            bins.map((_, bin) => all.reduce((sum, other) => sum + 2 * (other[1][bin] ?? 0), 0)),
          );
        }
      }),
    );
  });
});
