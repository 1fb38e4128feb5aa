import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { AeqError } from '../../schema/errors.ts';
import { COMMANDS, type CommandSpec } from './commands.ts';
import { readConfig } from './config.ts';
import { type Context, createContext } from './context.ts';
import { flagName, NEGATED, OPTIONS, type OptionKey, type OptionSpec, type OptionValues } from './options.ts';
import { packageVersion } from './package-version.ts';

/** What a run of the program came to: the command's exit status and the context for telling an error. */
export interface Outcome {
  status: number;
  context: Context | undefined;
}

/** The commander program made from the tables of commands and options. */
export function createProgram(signal: AbortSignal, outcome: Outcome): Command {
  const program = new Command('aeq')
    .description('Post-training quantization for LiteRT (.tflite) models: calibrate, quantize, validate.')
    .version(packageVersion(), '-V, --version')
    .helpCommand('help [command]', 'display help for a command')
    .configureHelp({ sortSubcommands: false })
    .addHelpText(
      'after',
      '\nStart here:\n  aeq quantize model.tflite --static --data pictures/\n  aeq validate model.tflite model_static_wi8_ai8.tflite --data pictures/\n\nExit status: 0 done, 1 a gate failed, 2 usage, 3 bad input, 4 unsupported, 5 internal error.',
    )
    .exitOverride();
  for (const spec of COMMANDS) addCommand(program, spec, signal, outcome);
  return program;
}

function addCommand(parent: Command, spec: CommandSpec, signal: AbortSignal, outcome: Outcome): void {
  const command = parent.command(spec.name).description(spec.summary).exitOverride().showHelpAfterError(false);
  for (const child of spec.subcommands ?? []) addCommand(command, child, signal, outcome);
  for (const argument of spec.arguments ?? []) command.argument(argument.name, argument.help);
  if (!spec.load) return;
  for (const key of spec.options ?? []) command.addOption(commanderOption(key));
  if (spec.example) command.addHelpText('after', `\nExample:\n  ${spec.example.join('\n  ')}`);
  const load = spec.load;
  command.action(async (...parameters: unknown[]) => {
    const given = command.opts() as OptionValues;
    const args = parameters.slice(0, -2).flatMap((value) => (value === undefined ? [] : (value as string | string[])));
    outcome.context = createContext(given, signal);
    const options = given.config ? { ...readConfig(given.config, spec.options ?? []), ...given } : given;
    outcome.context = createContext(options, signal);
    const run = await load();
    outcome.status = await run(args, outcome.context);
  });
}

function commanderOption(key: OptionKey): Option {
  const spec: OptionSpec = OPTIONS[key];
  const short = spec.short ? `-${spec.short}, ` : '';
  const help = spec.defaultText ? `${spec.help} (default: ${spec.defaultText})` : spec.help;
  const option = new Option(`${short}${flagName(key)}${spec.value ? ` ${spec.value}` : ''}`, help);
  if (spec.choices) option.choices([...spec.choices]);
  if (spec.kind === 'integer' || spec.kind === 'number') option.argParser((text) => parseNumber(text, spec));
  if (key === 'static') option.preset('int8');
  if (spec.kind === 'list') {
    option.argParser((text: string, earlier: string[] | undefined) => [...(earlier ?? []), text]);
  }
  // Commander gives negated flags the default true: leave "not said" undefined instead.
  if (NEGATED.has(key)) option.default(undefined);
  return option;
}

function parseNumber(text: string, spec: OptionSpec): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || (spec.kind === 'integer' && !Number.isInteger(value))) {
    throw new InvalidArgumentError(`Expected ${spec.kind === 'integer' ? 'a whole number' : 'a number'}.`);
  }
  if (spec.least !== undefined && value < spec.least)
    throw new InvalidArgumentError(`Expected at least ${spec.least}.`);
  return value;
}

/** Commander's errors in our own terms; help and version are no errors. */
export function usageError(error: unknown): AeqError | undefined {
  if (!(error instanceof CommanderError)) return undefined;
  if (error.exitCode === 0 || error.code === 'commander.help') return undefined;
  const message = error.message.replace(/^error: /, '');
  return new AeqError('USAGE', message, { hint: 'run aeq help, or aeq <command> --help', cause: error });
}
