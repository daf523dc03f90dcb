import { styleText } from 'node:util'
import { TwqError } from '../errors.ts'
import { type Command, CommanderError } from './flags/commander.ts'
import type { GlobalOptions } from './flags/global-options.ts'
import { createProgram } from './program.ts'
import { explain } from './terminal/errors-for-people.ts'
import { EXIT, exitCodeOf } from './terminal/exit-codes.ts'

/** Runs one command line, `argv` as Node gives it, and returns the status to exit with. Never throws. */
export async function main(given: readonly string[]): Promise<number> {
  const argv = withoutHelpWord(given)
  let status: number = EXIT.ok
  const program = createProgram((code) => {
    status = code
  })
  program.hook('preAction', async (_program, command) => {
    const { refuseEmptyValues } = await import('./flags/empty-values.ts')
    refuseEmptyValues(command)
    hearCelery(program)
    applyGlobals(program.opts())
  })
  try {
    await program.parseAsync([...argv])
    return status
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok
    if (thrown instanceof CommanderError && thrown.code === 'commander.help') return EXIT.usage
    const error = thrown instanceof CommanderError ? await complaint(thrown, program, argv) : thrown
    const { json, output, verbose = false } = program.opts<GlobalOptions>()
    process.stderr.write(explain(error, { json: json === true || output === 'json', verbose, emphasise: inRed }))
    return exitCodeOf(error)
  }
}

/** Applies Celery's long names of two flags, unless ours are given. */
function hearCelery(program: Command): void {
  for (const [name, celerys] of [
    ['config', 'app'],
    ['cwd', 'workdir'],
  ] as const) {
    if (program.getOptionValue(name) === undefined) program.setOptionValue(name, program.getOptionValue(celerys))
  }
}

function applyGlobals({ cwd, color }: GlobalOptions): void {
  if (color === false) {
    process.env.NO_COLOR = '1'
    delete process.env.FORCE_COLOR
  }
  if (cwd === undefined) return
  try {
    process.chdir(cwd)
  } catch (cause) {
    throw new TwqError('TWQ_USAGE', `--cwd: can't work in ${cwd}`, { cause })
  }
}

/** `twq help task send` as commander takes it: `twq task send --help`. */
function withoutHelpWord(argv: readonly string[]): readonly string[] {
  return argv[2] === 'help' ? [...argv.slice(0, 2), ...argv.slice(3), '--help'] : argv
}

async function complaint(thrown: CommanderError, program: Command, argv: readonly string[]): Promise<TwqError> {
  const { usageError } = await import('./terminal/usage-error.ts')
  return usageError(thrown, program, argv)
}

function inRed(text: string): string {
  return styleText('red', text, { stream: process.stderr })
}
