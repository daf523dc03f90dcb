import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { messageOf, TwqError } from '../../errors.ts'
import { parseJson } from '../../protocol/json.ts'
import type { JsonObject } from '../../runtime/json.ts'
import { isRecord } from '../../schedules/state/state.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { EXIT } from '../terminal/exit-codes.ts'
import { note, print, toJson } from '../terminal/output.ts'
import { BEAT_EXPORTER } from './beat-exporter.ts'
import { importBeat } from './import-beat.ts'

/** `twq schedule import`: prints entries for `schedules` from what the exporter has printed; 1 where some can't be translated. */
export async function scheduleImport(
  path: string,
  flags: GlobalOptions & { readonly exporter?: boolean },
): Promise<number> {
  if (flags.exporter) {
    print(BEAT_EXPORTER)
    return EXIT.ok
  }
  const { schedules, refused, remarks } = importBeat(await read(path))
  print(`${toJson(schedules)}\n`)
  for (const remark of remarks) note(remark, flags)
  for (const { name, reason } of refused) note(`${name} is left out: ${reason}`, { ...flags, quiet: false })
  return refused.length === 0 ? EXIT.ok : EXIT.failed
}

async function read(path: string): Promise<JsonObject> {
  try {
    const value = parseJson(path === '-' ? await text(process.stdin) : await readFile(path))
    if (isRecord(value)) return value
    throw new Error('it is no JSON object')
  } catch (error) {
    throw new TwqError('TWQ_USAGE', `no schedules can be read from ${path}: ${messageOf(error)}`, {
      hint: 'twq schedule import --exporter > export_beat.py; python export_beat.py module:app | twq schedule import',
      cause: error,
    })
  }
}
