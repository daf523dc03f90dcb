import { displayWidth, startWithin } from '../../runtime/text/display-width.ts'
import { systemClock } from '../../runtime/time/clock.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { terminalWidth } from './terminal-width.ts'

const CLEAR_LINE = '\r\u001b[K'
// The interval at which the elapsed time is redrawn, in milliseconds.
const TICK = 1_000
const NARROWEST = 20

/** Whether a person is watching: standard error is a terminal, and `--quiet` was not given. */
export function isWatched({ quiet }: GlobalOptions): boolean {
  return process.stderr.isTTY === true && !quiet
}

/** A line on the terminal with the state of a wait and the elapsed seconds. */
export interface StatusLine extends Disposable {
  show(text: string): void
  /** Erases the line, so that something else can be written; `show` draws it again. */
  clear(): void
}

/** Starts a status line, which shows nothing unless standard error is a terminal. Disposing of it erases it. */
export function statusLine(flags: GlobalOptions): StatusLine {
  if (!isWatched(flags)) return { show() {}, clear() {}, [Symbol.dispose]() {} }
  const start = systemClock.monotonic()
  let text: string | undefined
  const draw = (): void => {
    if (text === undefined) return
    const seconds = `  ${Math.floor((systemClock.monotonic() - start) / 1_000)} s`
    const width = Math.max(NARROWEST, (terminalWidth(process.stderr) ?? 80) - 1) - seconds.length
    const shown = displayWidth(text) > width ? `${startWithin(text, width - 1)}…` : text
    process.stderr.write(`${CLEAR_LINE}${shown}${seconds}`)
  }
  const ticking = setInterval(draw, TICK)
  ticking.unref()
  const clear = (): void => {
    if (text !== undefined) process.stderr.write(CLEAR_LINE)
    text = undefined
  }
  return {
    show(next) {
      text = next
      draw()
    },
    clear,
    [Symbol.dispose]() {
      clearInterval(ticking)
      clear()
    },
  }
}
