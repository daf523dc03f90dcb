import type { Command as AnyCommand, Help as AnyHelp } from 'commander'
import { Help } from '../flags/commander.ts'

/** How narrow the column of descriptions may become: commander wraps none that is narrower. */
const DESCRIPTION = 40
/** The spaces before a term, and those between it and its description. */
const AROUND_TERM = 4
/** What commander prints before the usage of a command. */
const USAGE = 'Usage: '

/** The layout of help texts: a term too long for its column has its description on the next line, so that every description wraps. */
export const helpLayout: Partial<AnyHelp> = {
  // Celery's spellings are accepted, but not shown.
  commandUsage(command: AnyCommand): string {
    const [spelling] = command.aliases()
    const helper = this as AnyHelp
    const usage = Help.prototype.commandUsage.call(helper, command)
    const shown = spelling === undefined ? usage : usage.replace(`|${spelling}`, '')
    return wrapHelp(shown, (helper.helpWidth ?? DESCRIPTION) - USAGE.length).replaceAll(
      '\n',
      `\n${' '.repeat(USAGE.length)}`,
    )
  },
  padWidth(command: AnyCommand, helper: AnyHelp): number {
    const longest = Help.prototype.padWidth.call(helper, command, helper)
    const room = (helper.helpWidth ?? 0) - DESCRIPTION - AROUND_TERM
    // On a terminal this narrow nothing wraps.
    return room <= 0 ? longest : Math.min(longest, room)
  },
  formatItem(term: string, width: number, description: string, helper: AnyHelp): string {
    const item = (of: string) => Help.prototype.formatItem.call(helper, of, width, description, helper)
    if (description === '' || helper.displayWidth(term) <= width) return item(term)
    return `  ${term}\n${item('')}`
  },
}

/** A paragraph of a help text, wrapped at `width` columns. */
export function wrapHelp(text: string, width: number): string {
  return new Help().boxWrap(text, width)
}
