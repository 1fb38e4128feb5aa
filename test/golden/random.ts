import { randomSource } from '../support/random.ts';

/** Dice over the repeatable numbers of the test support. */
export class Random {
  readonly next: () => number;

  constructor(seed: number) {
    this.next = randomSource(seed);
    // The first numbers of neighbouring seeds resemble each other.
    for (let skipped = 0; skipped < 8; skipped++) this.next();
  }

  /** Uniform in [low, high), as a float32. */
  between(low: number, high: number): number {
    return Math.fround(low + (high - low) * this.next());
  }

  /** A whole number in [low, high]. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.next() * items.length)] as T;
  }
}
