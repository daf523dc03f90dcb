import { RemoteTaskError } from '../protocol/remote-task-error.ts'
import { maskPasswords } from '../runtime/mask-passwords.ts'
import { printableLines } from '../runtime/printable.ts'
import type { GlobalOptions } from './global-options.ts'
import { wantsJson } from './output.ts'

/** Shows the remote traceback behind an error, which is what its author needs; the error itself follows. */
export function showTraceback(error: unknown, flags: GlobalOptions): void {
  const cause = error instanceof Error ? error.cause : undefined
  if (flags.quiet || wantsJson(flags) || !RemoteTaskError.is(cause) || !cause.traceback) return
  process.stderr.write(`${printableLines(maskPasswords(cause.traceback.trimEnd()))}\n\n`)
}
