/** Factors stay within this of their geometric mean, either way. */
const MOST_SPREAD = 1e4;
const ROUNDS = 3;
/** A channel counts for at least this part of its own sum of squares. */
const LEAST_SHARE = 0.25;

/** A weight as rows, and how many values of a row share a scale. */
export interface WeightRows {
  readonly values: Float32Array;
  readonly length: number;
  readonly group: number;
}

/** Means of squares with what is too small to divide by raised to a hundred-millionth of the largest. */
export function floorPositive(means: Float64Array): Float64Array {
  const least = means.reduce((most, mean) => Math.max(most, mean), 0) * 1e-8 + 1e-12;
  return means.map((mean) => Math.max(mean, least));
}

/** Divided by their geometric mean, within limits. */
function normalized(factors: Float64Array): Float64Array {
  const mean = Math.exp(factors.reduce((sum, factor) => sum + Math.log(factor), 0) / factors.length);
  return factors.map((factor) => Math.min(Math.max(factor / mean, 1 / MOST_SPREAD), MOST_SPREAD));
}

/** The largest magnitude of each group of each row, once its columns are multiplied by factors: told with its column. */
function eachLargest(
  { values, length, group }: WeightRows,
  factors: Float64Array,
  tell: (group: number, largest: number, at: number) => void,
): void {
  for (let row = 0; row < values.length; row += length) {
    for (let start = 0; start < length; start += group) {
      let largest = -1;
      let at = start;
      for (let c = start; c < start + group; c += 1) {
        const magnitude = Math.abs(values[row + c] as number) * (factors[c] as number);
        if (magnitude > largest) {
          largest = magnitude;
          at = c;
        }
      }
      tell(start / group, largest, row + at);
    }
  }
}

/**
 * What rounding does to the results when columns are multiplied by factors and inputs divided by them, but for a constant:
 * by group of columns, the squares of the largest magnitudes of all rows times the squares of the inputs.
 */
export function scalingLoss(weight: WeightRows, squares: Float64Array, factors: Float64Array): number {
  const { length, group } = weight;
  const largest = new Float64Array(length / group);
  eachLargest(weight, factors, (g, magnitude) => {
    largest[g] = (largest[g] as number) + magnitude * magnitude;
  });
  return largest.reduce((loss, sum, g) => {
    let inputs = 0;
    for (let c = g * group; c < (g + 1) * group; c += 1) inputs += (squares[c] as number) / (factors[c] as number) ** 2;
    return loss + sum * inputs;
  }, 0);
}

/**
 * Factors for the columns of a weight that make rounding matter less to the results: large where inputs are large and
 * weights are small. Found by a few rounds in which a column counts by the magnitudes that decide a scale. Undefined where
 * none are better than 1.
 * @param means mean squares of the inputs
 */
export function channelFactors(weight: WeightRows, means: Float64Array): Float64Array | undefined {
  const { values, length } = weight;
  const squares = floorPositive(means);
  const sums = new Float64Array(length).fill(1e-12);
  for (let i = 0; i < values.length; i += 1) {
    sums[i % length] = (sums[i % length] as number) + (values[i] as number) ** 2;
  }
  const wanted = (shares: Float64Array) =>
    shares.map((share, c) => Math.sqrt(Math.sqrt(squares[c] as number) / Math.sqrt(share)));
  let factors = normalized(wanted(sums));
  let best = { loss: scalingLoss(weight, squares, factors), factors };
  for (let round = 0; round < ROUNDS; round += 1) {
    const shares = new Float64Array(length);
    eachLargest(weight, factors, (_, __, at) => {
      shares[at % length] = (shares[at % length] as number) + (values[at] as number) ** 2;
    });
    const target = normalized(wanted(shares.map((share, c) => Math.max(share, LEAST_SHARE * (sums[c] as number)))));
    factors = normalized(factors.map((factor, c) => Math.sqrt(factor * (target[c] as number))));
    const loss = scalingLoss(weight, squares, factors);
    if (loss < best.loss) best = { loss, factors };
  }
  const plain = scalingLoss(weight, squares, new Float64Array(length).fill(1));
  return best.loss < plain ? best.factors : undefined;
}

/**
 * The bound at which to clip magnitudes for the least squared error of the results: of rounding below it and of clipping
 * beyond it, each value weighted. Found exactly, stretch by stretch between neighbouring magnitudes.
 */
export function clipBound(magnitudes: Float64Array, weights: Float64Array, greatestCode: number): number {
  const order = Uint32Array.from(magnitudes.keys()).sort(
    (a, b) => (magnitudes[b] as number) - (magnitudes[a] as number),
  );
  const total = weights.reduce((sum, weight) => sum + weight, 0) + 1e-12;
  const perSquare = total / (12 * greatestCode ** 2);
  const at = (k: number) => magnitudes[order[k] as number] ?? 0;
  let best = at(0);
  let least = best * best * perSquare;
  let [sum, first, second] = [0, 0, 0];
  for (let k = 0; k < order.length; k += 1) {
    const magnitude = at(k);
    const weight = weights[order[k] as number] as number;
    sum += weight;
    first += magnitude * weight;
    second += magnitude * magnitude * weight;
    const bound = Math.min(Math.max((2 * first) / (2 * perSquare + 2 * sum), at(k + 1)), magnitude);
    const error = bound * bound * perSquare + second - 2 * bound * first + bound * bound * sum;
    if (error < least) [best, least] = [bound, error];
  }
  return best;
}
