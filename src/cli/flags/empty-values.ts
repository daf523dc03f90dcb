import { TwqError } from '../../errors.ts'
import type { Command } from './commander.ts'

/** Flags whose empty value says something: the key that fanout exchanges ignore, no queue to leave out, and the root. */
const MAY_BE_EMPTY: readonly string[] = ['--routing-key', '--exclude-queues', '--base-path']

/**
 * Throws `TWQ_USAGE` for a flag of a command, or of those above it, that was given an empty value: it comes from a variable of the shell
 * that is not set, and would choose all messages, search for a file, or name the working directory.
 */
export function refuseEmptyValues(command: Command): void {
  for (let one: Command | null = command; one !== null; one = one.parent) {
    for (const option of one.options) {
      const value: unknown = one.getOptionValue(option.attributeName())
      const isEmpty = Array.isArray(value) ? value.includes('') : value === ''
      const name = option.long ?? option.flags
      if (!isEmpty || MAY_BE_EMPTY.includes(name)) continue
      throw new TwqError('TWQ_USAGE', `${name} needs a value, and was given an empty one`, {
        hint: 'Give one, or leave the flag out; in a script, see that its variable is set.',
      })
    }
  }
}
