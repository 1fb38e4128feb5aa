import { describe, expect, it } from 'vitest';
import { ProductSum } from '../../../calibration/statistics/product-sum.ts';
import { TILE } from '../../../kernels/index.ts';
import { bytesConstant } from '../../../schema/constant.ts';
import type { ProductSums } from '../../../schema/documents/calibration-products.ts';
import { TileFactor } from '../../../src/algorithms/factor.ts';
import { gptqConstant } from '../../../src/algorithms/gptq.ts';
import { minMaxConstant } from '../../../src/algorithms/min-max.ts';
import type { TensorParameters } from '../../../src/algorithms/parameters.ts';
import type { ConstantRequest } from '../../../src/algorithms/request.ts';
import type { Granularity } from '../../../src/recipe/types.ts';
import { randomFloats, randomSource } from '../../support/model-builder.ts';

/** Rows of values that depend on each other, of different magnitudes. */
function inputs(rows: number, length: number, seed: number): Float32Array {
  const random = randomSource(seed);
  const mixing = randomFloats(length * length, 77);
  const scales = Float32Array.from(randomFloats(length, 78), (x) => Math.exp(2 * x));
  const result = new Float32Array(rows * length);
  for (let r = 0; r < rows; r += 1) {
    const hidden = Float64Array.from({ length: length / 4 }, () => random() + random() - 1);
    for (let c = 0; c < length; c += 1) {
      const mixed = hidden.reduce((sum, x, k) => sum + x * (mixing[c * length + k] as number), 0);
      result[r * length + c] = (mixed + 0.3 * (random() - 0.5)) * (scales[c] as number);
    }
  }
  return result;
}

function productsOf(values: Float32Array, channels: number): ProductSums {
  const sum = new ProductSum(channels);
  sum.add({ channels, values, batch: 1 });
  return sum.build();
}

interface Options {
  readonly rows?: number;
  readonly bits?: number;
  readonly granularity?: Granularity;
  readonly symmetric?: boolean;
}

function requestOf(weights: Float32Array, length: number, products: ProductSums, options: Options = {}) {
  const { bits = 4, granularity = 'CHANNELWISE', symmetric = true } = options;
  return {
    constant: bytesConstant(new Uint8Array(weights.buffer)),
    shape: [weights.length / length, length],
    config: { numBits: bits, symmetric, granularity, dtype: 'INT', algorithmParams: {} },
    channelAxis: 0,
    blockAxis: 1,
    products,
  } satisfies ConstantRequest;
}

function codesOf({ data, bits }: TensorParameters, count: number): Int8Array {
  const bytes = data?.read() ?? new Uint8Array();
  if (bits === 8) return new Int8Array(bytes);
  const perByte = 8 / bits;
  return Int8Array.from({ length: count }, (_, i) => {
    const field = (bytes[Math.floor(i / perByte)] as number) >> (bits * (i % perByte));
    return (field << (32 - bits)) >> (32 - bits);
  });
}

/** What the codes stand for. */
function valuesOf(parameters: TensorParameters, [rows = 0, length = 0]: readonly number[]): Float64Array {
  const { scales, zeroPoints, blockSize } = parameters;
  const size = blockSize || (scales.length === 1 ? rows * length : length);
  const codes = codesOf(parameters, rows * length);
  return Float64Array.from(codes, (code, i) => {
    const group = Math.floor(i / size);
    return (code - ((zeroPoints[group] ?? zeroPoints[0]) as number)) * (scales[group] as number);
  });
}

/** Mean squared error of the results on some rows of inputs. */
function outputError(weights: Float32Array, stored: Float64Array, length: number, rows: Float32Array): number {
  let sum = 0;
  for (let w = 0; w < weights.length; w += length) {
    for (let r = 0; r < rows.length; r += length) {
      let error = 0;
      for (let c = 0; c < length; c += 1) {
        error += ((weights[w + c] as number) - (stored[w + c] as number)) * (rows[r + c] as number);
      }
      sum += error * error;
    }
  }
  return sum;
}

const LENGTH = 160;

describe('GPTQ', () => {
  it.each([
    ['8 bits', { bits: 8 }, 0.45],
    ['4 bits', { bits: 4 }, 0.45],
    ['2 bits', { bits: 2 }, 0.75],
    ['4 bits, one scale', { granularity: 'TENSORWISE' }, 0.45],
    ['4 bits in blocks', { granularity: 'BLOCKWISE_32' }, 0.45],
    ['8 bits with zero points', { bits: 8, symmetric: false }, 0.45],
  ] as const)('makes results of other inputs more exact: %s', (_, options, most) => {
    const [seen, others] = [inputs(400, LENGTH, 1), inputs(200, LENGTH, 2)];
    const weights = randomFloats(24 * LENGTH, 3);
    const request = requestOf(weights, LENGTH, productsOf(seen, LENGTH), options);
    const error = (parameters: TensorParameters) =>
      outputError(weights, valuesOf(parameters, request.shape), LENGTH, others);
    const [fitted, plain] = [gptqConstant(request), minMaxConstant(request)];
    expect(fitted.scales).toEqual(plain.scales);
    expect(error(fitted) / error(plain)).toBeLessThan(most);
  });

  it('is not led astray by few rows, or by inputs that are not alike', () => {
    for (const rows of [4, 40, 512]) {
      const ratios = [1, 2, 3].map((seed) => {
        const [seen, others] = [randomFloats(rows * LENGTH, seed), randomFloats(300 * LENGTH, seed + 10)];
        const weights = randomFloats(32 * LENGTH, seed + 20);
        const request = requestOf(weights, LENGTH, productsOf(seen, LENGTH));
        const error = (parameters: TensorParameters) =>
          outputError(weights, valuesOf(parameters, request.shape), LENGTH, others);
        return error(gptqConstant(request)) / error(minMaxConstant(request));
      });
      const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
      expect(mean, `${rows} rows`).toBeLessThan(1.03);
    }
  });

  it('rounds each value for itself where inputs have nothing in common', () => {
    const length = 70;
    const sums = Float64Array.from({ length: (length * (length + 1)) / 2 }, (_, i) => {
      const row = Math.floor((Math.sqrt(8 * i + 1) - 1) / 2);
      return i === (row * (row + 3)) / 2 ? 1 + (row % 3) : 0;
    });
    const products = { channels: length, rows: 1000, batches: 1, parts: [{ step: 0, additions: 1, sums }] };
    const request = requestOf(randomFloats(9 * length, 4), length, products);
    expect(gptqConstant(request).data?.read()).toEqual(minMaxConstant(request).data?.read());
  });

  it('leaves columns alone whose inputs were always 0, also all of them', () => {
    const length = 68;
    const seen = inputs(100, length, 5).map((x, i) => (i % length === 3 ? 0 : x));
    const request = requestOf(randomFloats(5 * length, 6), length, productsOf(seen, length));
    const [fitted, plain] = [gptqConstant(request), minMaxConstant(request)].map((found) => codesOf(found, 5 * length));
    for (let at = 3; at < 5 * length; at += length) expect(fitted?.[at]).toBe(plain?.[at]);
    const unseen = { ...request, products: productsOf(new Float32Array(3 * length), length) };
    expect(gptqConstant(unseen).data?.read()).toEqual(minMaxConstant(unseen).data?.read());
  });

  it('gives each column the same code wherever it stands', () => {
    const length = 96;
    const order = Array.from({ length }, (_, i) => (i * 35 + 11) % length);
    const permuted = (values: Float32Array) =>
      Float32Array.from(values, (_, i) => values[i - (i % length) + (order[i % length] as number)] as number);
    const [seen, weights] = [inputs(300, length, 7), randomFloats(4 * length, 8)];
    const codes = codesOf(gptqConstant(requestOf(weights, length, productsOf(seen, length))), weights.length);
    const other = requestOf(permuted(weights), length, productsOf(permuted(seen), length));
    const found = codesOf(gptqConstant(other), weights.length);
    expect([...found]).toEqual([...permuted(Float32Array.from(codes))]);
  });

  it('gives any range of its bytes, in any order', () => {
    const length = 33;
    const request = requestOf(randomFloats(150 * length, 9), length, productsOf(randomFloats(100 * length, 1), length));
    const { data } = gptqConstant(request);
    const whole = gptqConstant(request).data?.read() ?? new Uint8Array();
    expect(data?.sizeBytes).toBe(Math.ceil((150 * length) / 2));
    for (const [start, end] of [
      [2000, 2475],
      [0, 1],
      [1055, 1057],
      [7, 2301],
    ] as const) {
      expect(data?.read(start, end)).toEqual(whole.slice(start, end));
    }
  });

  it('needs to know the inputs', () => {
    const { products: _, ...request } = requestOf(randomFloats(12, 1), 4, productsOf(randomFloats(8, 1), 4));
    expect(() => gptqConstant(request)).toThrow(expect.objectContaining({ code: 'STATISTICS_MISSING' }));
  });
});

describe('the factor of a matrix', () => {
  it.each([1, 5, TILE, TILE + 1, 150])('is that of a matrix of %i rows', (size) => {
    const values = randomFloats(size * (size + 20), size);
    const element = (i: number, j: number) => {
      let sum = i === j ? 0.1 : 0;
      for (let k = 0; k < size + 20; k += 1) {
        sum += (values[i * (size + 20) + k] as number) * (values[j * (size + 20) + k] as number);
      }
      return sum;
    };
    const factor = new TileFactor(size, (i, row) => {
      for (let j = 0; j <= i; j += 1) row[j] = element(i, j);
    });
    factor.setUpright();
    const at = (i: number, k: number) =>
      factor.tile(Math.floor(i / TILE), Math.floor(k / TILE))[(i % TILE) * TILE + (k % TILE)] as number;
    for (let i = 0; i < size; i += 3) {
      for (let j = 0; j <= i; j += 1) {
        let sum = 0;
        for (let k = 0; k <= j; k += 1) sum += at(i, k) * at(j, k);
        expect(Math.abs(sum - element(i, j))).toBeLessThan(1e-12 * size);
      }
    }
  });

  it('does not exist where the matrix is not positive definite', () => {
    const matrix = [[1], [2, 1]];
    expect(() => new TileFactor(2, (i, row) => row.set(matrix[i] as number[]))).toThrow(
      expect.objectContaining({ code: 'OPERATOR_UNSUPPORTED' }),
    );
  });
});
