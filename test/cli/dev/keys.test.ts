import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import type { ReadStream } from 'node:tty'
import { expect, it } from 'vitest'
import { hearKeys, keyHelp } from '../../../src/cli/dev/keys.ts'

/** What a terminal is to who reads it: a stream, and a mode. */
class Terminal extends PassThrough {
  raw = false
  setRawMode(raw: boolean): this {
    this.raw = raw
    return this
  }
}

function aTerminal(): Terminal & ReadStream {
  return new Terminal() as Terminal & ReadStream
}

it('hears each key of several at once, and leaves the terminal as it was', async () => {
  const terminal = aTerminal()
  const pressed: string[] = []
  const keys = {
    h: { does: 'help', press: () => pressed.push('h') },
    q: { does: 'quit', press: () => pressed.push('q') },
  }
  {
    using _keys = hearKeys(terminal, keys)
    expect(terminal.raw).toBe(true)
    const heard = once(terminal, 'data')
    terminal.write('hxq')
    await heard
  }
  expect(pressed).toEqual(['h', 'q'])
  expect(terminal.raw).toBe(false)
  expect(terminal.isPaused()).toBe(true)
})

it('makes Ctrl-C the signal that it is where nobody reads keys', async () => {
  const terminal = aTerminal()
  using _keys = hearKeys(terminal, {})
  const interrupted = once(process, 'SIGINT')
  terminal.write('\u0003')
  await interrupted
})

it('lists the keys', () => {
  expect(keyHelp({ r: { does: 'reload', press() {} } })).toBe('  r  reload\n')
})
