import { messageOf } from '../../errors.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import { pause } from '../../runtime/time/pause.ts'
import { timeLimit } from '../../runtime/time/time-limit.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { milliseconds } from '../flags/values.ts'
import type { WatchFlags } from '../flags/watch-flags.ts'
import { EXIT } from './exit-codes.ts'
import { interruptible } from './interruption.ts'
import { note, print, toJson, wantsJson } from './output.ts'

/** What one look has shown. */
export interface Sight {
  /** For programs; two looks are alike where these are. */
  readonly document: unknown
  /** For people: lines, and a remark if there are none. */
  readonly text: string
  readonly remark?: string | undefined
  readonly status: number
}

const INTERVAL = 2_000
const SHORTEST = 100
const CLEAR_SCREEN = '\u001b[2J'
const TOP_LEFT = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'
const ROWS = 24

/**
 * Shows what `look` returns, and with `--watch` repeats that until Ctrl-C. A terminal is redrawn in place; in a pipe only changes are
 * printed, with `--json` one line for each. `look` is called with the flags to use. If the first look fails, so does the command; if a
 * later one fails, a note is printed once, until a look succeeds again. Resolves with the exit status.
 */
export async function shownOrWatched<Flags extends WatchFlags>(
  flags: Flags,
  look: (flags: Flags) => Promise<Sight>,
): Promise<number> {
  const { watch } = flags
  if (watch === undefined) {
    const sight = await look(flags)
    show(sight, flags)
    return sight.status
  }
  const interval = watch === true ? INTERVAL : Math.max(SHORTEST, milliseconds('--watch', watch))
  const redraws = process.stdout.isTTY === true && !wantsJson(flags)
  // Notes would be printed between two looks.
  const silent: Flags = { ...flags, quiet: true }
  return await interruptible(async (stopped) => {
    const gone = new AbortController()
    // The reader of a pipe has left.
    process.stdout.once('error', () => gone.abort())
    // Between two looks nothing else keeps the process alive.
    using watching = timeLimit({ signal: AbortSignal.any([stopped, gone.signal]), reason: () => undefined })
    const { signal } = watching
    let shown: string | undefined
    let trouble: string | undefined
    if (redraws) print(CLEAR_SCREEN)
    while (!signal.aborted) {
      try {
        const sight = await look(shown === undefined ? flags : silent)
        trouble = undefined
        const text = toJson(sight.document, { compact: true })
        if (redraws) print(screenOf(sight))
        else if (text !== shown)
          print(wantsJson(flags) ? `${text}\n` : `${shown === undefined ? '' : '\n'}${linesOf(sight)}`)
        shown = text
      } catch (error) {
        if (shown === undefined) throw error
        if (trouble !== messageOf(error)) note(`${messageOf(error)}; looking again`, flags)
        trouble = messageOf(error)
      }
      await pause(systemClock, interval, signal)
    }
    return EXIT.ok
  })
}

function show(sight: Sight, flags: GlobalOptions): void {
  if (wantsJson(flags)) print(`${toJson(sight.document)}\n`)
  else {
    print(sight.text)
    if (sight.remark !== undefined) note(sight.remark, flags)
  }
}

function linesOf({ text, remark }: Sight): string {
  return remark === undefined ? text : `${text}${remark}\n`
}

/** As many lines as fit on the terminal, written over the previous ones. */
function screenOf(sight: Sight): string {
  const rows = (process.stdout.rows || ROWS) - 1
  const lines = linesOf(sight).trimEnd().split('\n').slice(0, rows)
  return `${TOP_LEFT}${lines.map((line) => `${line}${CLEAR_LINE}\n`).join('')}${CLEAR_BELOW}`
}
