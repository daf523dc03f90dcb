import { emitKeypressEvents } from 'node:readline'
import { styleText } from 'node:util'
import { suspend } from '../terminal/suspend.ts'
import type { KeyPress } from './interface.ts'
import type { Frame } from './render.ts'

/** A terminal whose whole screen is ours until it is disposed of. */
export interface Terminal extends Disposable {
  /** Shows these lines and nothing else. */
  draw(lines: readonly string[]): void
  frame(): Frame
}

const ALTERNATE_SCREEN = '\u001b[?1049h\u001b[?25l'
const USUAL_SCREEN = '\u001b[?25h\u001b[?1049l'
const TOP_LEFT = '\u001b[H'
const CLEAR_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

// The size assumed for a terminal that reports none, in a container for example.
const ROWS = 24
const COLUMNS = 80

/**
 * Takes the screen and the keyboard, and gives both back when disposed of, when Ctrl-Z suspends the process, or when it ends
 * before that. Ctrl-C is a signal to this process, as ever.
 */
export function takeTerminal(hear: {
  readonly onKey: (key: KeyPress) => void
  readonly onResize: () => void
}): Terminal {
  const { stdin, stdout } = process
  let ours = false
  const release = (): void => {
    if (!ours) return
    ours = false
    stdout.write(USUAL_SCREEN)
    if (stdin.isTTY) stdin.setRawMode(false)
  }
  const take = (): void => {
    ours = true
    stdout.write(ALTERNATE_SCREEN)
    stdin.setRawMode(true)
  }
  const onKeypress = (text: string | undefined, key: { name?: string; ctrl?: boolean }): void => {
    if (key.ctrl && key.name === 'c') process.kill(process.pid, 'SIGINT')
    else if (key.ctrl && key.name === 'z') {
      release()
      suspend()
      take()
      hear.onResize()
    } else if (!key.ctrl) hear.onKey({ name: key.name, text })
  }
  process.once('exit', release)
  emitKeypressEvents(stdin)
  take()
  stdin.on('keypress', onKeypress)
  stdin.resume()
  stdout.on('resize', hear.onResize)
  return {
    draw(lines) {
      if (ours) stdout.write(`${TOP_LEFT}${lines.map((line) => line + CLEAR_LINE).join('\r\n')}${CLEAR_BELOW}`)
    },
    frame: () => ({ rows: stdout.rows || ROWS, columns: stdout.columns || COLUMNS, mark }),
    [Symbol.dispose]() {
      stdout.off('resize', hear.onResize)
      stdin.off('keypress', onKeypress)
      stdin.pause()
      process.off('exit', release)
      release()
    },
  }
}

const MARKS = { title: 'bold', selected: 'inverse', bar: 'inverse' } as const

function mark(text: string, as: keyof typeof MARKS): string {
  return styleText(MARKS[as], text, { stream: process.stdout })
}
