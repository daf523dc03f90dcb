import { createInterface } from 'node:readline/promises'
import { TwqError } from '../../errors.ts'
import { printable } from '../../runtime/text/printable.ts'

/** Where a person may be asked. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean }
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean }
}

/**
 * Asks the user to type `name` before a deletion; true if the answer is the same. Without a terminal it throws `TWQ_USAGE`,
 * unless `yes` is set.
 */
export async function confirmed(
  what: string,
  name: string,
  yes: boolean | undefined,
  terminal: Terminal = { input: process.stdin, output: process.stderr },
): Promise<boolean> {
  if (yes) return true
  const { input, output } = terminal
  if (!input.isTTY || !output.isTTY) {
    throw new TwqError('TWQ_USAGE', `${what}, and there is no terminal to ask at`, { hint: 'To do it, say --yes' })
  }
  const lines = createInterface({ input, output, terminal: true })
  const gone = new Promise<string>((resolve) => lines.once('close', () => resolve('')))
  // In raw mode Ctrl-C is a key like any other; here it means no.
  lines.once('SIGINT', () => lines.close())
  const question = `${printable(what)}, which can't be undone.\nType ${printable(name)} to go on: `
  const answer = await Promise.race([lines.question(question), gone])
  lines.close()
  return answer.trim() === name
}
