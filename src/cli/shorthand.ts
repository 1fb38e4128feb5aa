import type { Shorthand } from '../recipe/shorthand.ts';
import type { OptionValues } from './options.ts';

/** What --include, --exclude and --io say, or undefined when they say nothing. */
export function shorthandOf({ include, exclude, io }: OptionValues): Shorthand | undefined {
  if (!include && !exclude && !io) return undefined;
  return { ...(include && { include }), ...(exclude && { exclude }), ...(io && { io }) };
}
