import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { messageOf, TwqError } from '../../errors.ts'
import { parseJson } from '../../protocol/json.ts'
import type { Json } from '../../runtime/json.ts'
import type { AnyArguments } from '../../tasks/sending.ts'

/**
 * The arguments of a task as typed: JSON, `-` for standard input, or `@path`; none are an empty list. Throws `TWQ_USAGE` for what can't be
 * read, is no JSON, or neither an array nor an object.
 */
export async function taskArguments(argument: string | undefined): Promise<AnyArguments> {
  return readArguments(await sourceOf(argument))
}

/** The text of the arguments: as given, from standard input (`-`) or from a file (`@path`). */
async function sourceOf(argument: string | undefined): Promise<string> {
  if (argument === undefined) return '[]'
  if (argument === '-') return await text(process.stdin)
  if (!argument.startsWith('@')) return argument
  try {
    return await readFile(argument.slice(1), 'utf8')
  } catch (cause) {
    throw new TwqError('TWQ_USAGE', `the arguments can't be read from ${argument.slice(1)}`, { cause })
  }
}

function readArguments(source: string): AnyArguments {
  const hint = "An array holds positional arguments, an object named ones; quote it for the shell: '[1, 2]'"
  let value: Json
  try {
    // Editors on Windows begin a file with a byte order mark.
    value = parseJson(source.replace(/^\uFEFF/, ''))
  } catch (error) {
    throw new TwqError('TWQ_USAGE', `the arguments are not JSON: ${messageOf(error).replace(/^not JSON: /, '')}`, {
      hint,
    })
  }
  if (isArguments(value)) return value
  throw new TwqError('TWQ_USAGE', `the arguments must be a JSON array or object, got ${source.trim().slice(0, 100)}`, {
    hint,
  })
}

function isArguments(value: Json): value is AnyArguments {
  return typeof value === 'object' && value !== null && !(value instanceof Date) && !(value instanceof Uint8Array)
}
