import { styleText } from 'node:util'
import { type Command, CommanderError } from 'commander'
import { TwqError } from '../errors.ts'
import { replacementOf } from './celery-names.ts'
import { explain } from './errors-for-people.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import type { GlobalOptions } from './global-options.ts'
import { createProgram } from './program.ts'

/** Runs one command line, `argv` as Node gives it, and returns the status to exit with. Never throws. */
export async function main(argv: readonly string[]): Promise<number> {
  let status: number = EXIT.ok
  const program = await createProgram(argv[2], (code) => {
    status = code
  })
  program.hook('preAction', () => applyGlobals(program.opts()))
  try {
    await program.parseAsync([...argv])
    return status
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok
    const error = thrown instanceof CommanderError ? usageError(thrown, commandOf(program, argv)) : thrown
    if (error === undefined) return EXIT.usage
    const { json, output, verbose = false } = program.opts<GlobalOptions>()
    process.stderr.write(explain(error, { json: json === true || output === 'json', verbose, emphasise: inRed }))
    return exitCodeOf(error)
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

/** Commander's complaint in our form; `undefined` where help was the answer, to a command without its verb. */
function usageError(error: CommanderError, command: string): TwqError | undefined {
  if (error.code === 'commander.help') return undefined
  const [what = '', suggestion] = error.message.replace(/^error: /, '').split('\n')
  const unknown = /^unknown command '(.*)'$/.exec(what)?.[1]
  const replacement = unknown === undefined ? undefined : replacementOf(unknown)
  if (replacement !== undefined) return new TwqError('TWQ_USAGE', what, { hint: `Celery's; here: ${replacement}` })
  return new TwqError('TWQ_USAGE', what, { hint: suggestion?.replace(/^\((.*)\)$/, '$1') ?? `See ${command} --help` })
}

/** The words of a command line that name commands: `twq task send`. */
function commandOf(program: Command, argv: readonly string[]): string {
  const words = [program.name()]
  let command: Command | undefined = program
  for (const word of argv.slice(2)) {
    if (word.startsWith('-')) continue
    command = command.commands.find((other) => other.name() === word)
    if (command === undefined) break
    words.push(word)
  }
  return words.join(' ')
}

function inRed(text: string): string {
  return styleText('red', text, { stream: process.stderr })
}
