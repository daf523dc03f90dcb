import { RemoteTaskError } from '../../protocol/result/remote-task-error.ts'
import { cutLines } from '../../runtime/text/cut-text.ts'
import { maskPasswords } from '../../runtime/text/mask-passwords.ts'
import { printableLines } from '../../runtime/text/printable.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { wantsJson } from '../terminal/output.ts'

// Of a long one, the beginning and the end tell most: Python's ends with what was raised, that of JavaScript begins with it.
const MOST_LINES = 40

/** Shows the remote traceback behind an error, which is what its author needs; the error itself follows. `-v` shows all of it. */
export function showTraceback(error: unknown, flags: GlobalOptions): void {
  const cause = error instanceof Error ? error.cause : undefined
  if (flags.quiet || wantsJson(flags) || !RemoteTaskError.is(cause) || !cause.traceback) return
  const traceback = cause.traceback.trimEnd()
  process.stderr.write(
    `${printableLines(maskPasswords(flags.verbose ? traceback : cutLines(traceback, MOST_LINES, '; -v shows them')))}\n\n`,
  )
}
