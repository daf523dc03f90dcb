import { messageOf, TwqError } from '../../errors.ts'
import { describeError } from '../../runtime/text/describe-error.ts'
import { maskPasswords } from '../../runtime/text/mask-passwords.ts'
import { escapeInJson, printableLines } from '../../runtime/text/printable.ts'

/** How an error is to be shown. */
export interface ErrorStyle {
  /** One JSON document instead of lines. */
  readonly json?: boolean
  /** With the stack trace. */
  readonly verbose?: boolean
  /** Marks a part as important, where the terminal has colours. */
  readonly emphasise?: (text: string) => string
}

/** An error as text: message, causes and hints; ends with a line break. Passwords are masked and control characters escaped. */
export function explain(error: unknown, style: ErrorStyle = {}): string {
  return style.json ? asJson(error, style) : asLines(error, style)
}

function asLines(error: unknown, { verbose = false, emphasise = (text) => text }: ErrorStyle): string {
  const title = emphasise(`error[${codeOf(error)}]`)
  const lines = [`: ${messageOf(error)}`]
  for (const cause of causesOf(error)) lines.push(`  cause: ${cause}`)
  for (const hint of hintsOf(error, verbose)) lines.push(`  hint: ${hint}`)
  if (verbose && error instanceof Error && error.stack !== undefined) lines.push('', error.stack)
  return `${title}${printableLines(maskPasswords(lines.join('\n')))}\n`
}

function asJson(error: unknown, { verbose = false }: ErrorStyle): string {
  const { message, stack, cause } = describeError(error)
  const document = {
    error: {
      code: codeOf(error),
      message,
      hints: hintsOf(error, verbose),
      ...(cause && { cause: { type: cause.type, message: cause.message } }),
      ...(verbose && { stack }),
    },
  }
  return `${escapeInJson(maskPasswords(JSON.stringify(document)))}\n`
}

function codeOf(error: unknown): string {
  return TwqError.is(error) ? error.code : 'TWQ_INTERNAL'
}

/** The messages behind the error's own, nearest first, without repetitions. */
function causesOf(error: unknown): readonly string[] {
  const said = [messageOf(error)]
  const seen = new Set<unknown>([error])
  for (let cause = causeOf(error); cause !== undefined && !seen.has(cause); cause = causeOf(cause)) {
    seen.add(cause)
    const message = messageOf(cause).replace(/\nRequire stack:[\s\S]*$/, '')
    const gist = message.split('\n').at(-1) ?? ''
    if (gist !== '' && !said.some((text) => text.includes(gist))) said.push(message)
  }
  return said.slice(1)
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined
}

/** The hints of an error and of its causes. */
function hintsOf(error: unknown, verbose: boolean): readonly string[] {
  if (TwqError.is(error)) {
    const hints: string[] = []
    const seen = new Set<unknown>()
    for (let one: unknown = error; TwqError.is(one) && !seen.has(one); one = one.cause) {
      seen.add(one)
      hints.push(...(one.hint?.split('\n') ?? []))
    }
    return [...new Set(hints)]
  }
  return verbose ? [] : ['Run it again with -v to see where it happened.']
}
