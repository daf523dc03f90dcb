import { ownCommands } from '../../config/options/control-policy.ts'
import { TwqError } from '../../errors.ts'
import type { Json, JsonObject } from '../../runtime/json.ts'
import { printable } from '../../runtime/text/printable.ts'
import { loadConfig } from '../flags/load-config.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note, print, toJson, wantsJson } from '../terminal/output.ts'
import type { RemoteFlags } from './ask-workers.ts'
import { tellWorkers } from './control.ts'

/**
 * `twq control call`: gives a command that workers have beside Celery's, and prints what they answer. Without a name, lists those that the
 * configuration here adds; the workers that are asked may have others.
 */
export async function call(name: string | undefined, typed: readonly string[], flags: RemoteFlags): Promise<number> {
  if (name !== undefined) return await tellWorkers(`call ${name}`, name, namedValues(typed), flags)
  const { config } = await loadConfig('control call', flags)
  const own = Object.entries(ownCommands(config.control))
  if (wantsJson(flags)) print(`${toJson(Object.fromEntries(own.map(([command, { help = '' }]) => [command, help])))}\n`)
  else for (const [command, { help = '' }] of own) print(`${command}  ${printable(help)}`.trimEnd().concat('\n'))
  if (own.length === 0) note('the configuration adds no commands to those of Celery', flags)
  return EXIT.ok
}

/** Values are parsed as JSON, `count=3` as a number; anything else is a string. */
function namedValues(typed: readonly string[]): JsonObject {
  return Object.fromEntries(
    typed.map((text) => {
      const at = text.indexOf('=')
      if (at < 1) throw new TwqError('TWQ_USAGE', `an argument is written name=value, got '${printable(text)}'`)
      return [text.slice(0, at), jsonOrText(text.slice(at + 1))]
    }),
  )
}

function jsonOrText(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch {
    return text
  }
}
