import type { ReadStream } from 'node:tty'
import { suspend } from '../terminal/suspend.ts'

/** A key: its action, and its text in the help. */
export interface Key {
  readonly does: string
  readonly press: () => void
}

// What a terminal in raw mode sends for Ctrl-C and Ctrl-Z, in place of the signals.
const CTRL_C = '\u0003'
const CTRL_Z = '\u001a'

/**
 * Reads single keys from a terminal until disposed. Ctrl-C sends SIGINT to this process, and Ctrl-Z suspends it; other keys
 * are looked up.
 */
export function hearKeys(input: ReadStream, keys: Readonly<Record<string, Key>>): Disposable {
  const hear = (pressed: string): void => {
    for (const key of pressed) {
      if (key === CTRL_C) process.kill(process.pid, 'SIGINT')
      else if (key === CTRL_Z) {
        input.setRawMode(false)
        suspend()
        input.setRawMode(true)
      } else if (Object.hasOwn(keys, key)) keys[key]?.press()
    }
  }
  input.setRawMode(true)
  input.setEncoding('utf8')
  input.on('data', hear)
  input.resume()
  return {
    [Symbol.dispose]() {
      input.off('data', hear)
      input.setRawMode(false)
      input.pause()
    },
  }
}

/** The keys there are, a line each. */
export function keyHelp(keys: Readonly<Record<string, Key>>): string {
  return Object.entries(keys)
    .map(([key, { does }]) => `  ${key}  ${does}\n`)
    .join('')
}
