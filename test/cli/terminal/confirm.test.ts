import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { confirmed, type Terminal } from '../../../src/cli/terminal/confirm.ts'

/** Somebody at a terminal, who has typed `keys` already. */
function aTerminal(keys: string, isTTY = true): Terminal {
  const stream = (): PassThrough & { isTTY: boolean } => Object.assign(new PassThrough(), { isTTY })
  const input = stream()
  input.write(keys)
  return { input, output: stream() }
}

describe('what can not be undone', () => {
  it.each([
    ['the name', 'celery\r', true],
    ['another word', 'yes\r', false],
    ['nothing', '\r', false],
    ['Ctrl-C', '\u0003', false],
    ['Ctrl-D', '\u0004', false],
  ])('waits for somebody to type its name, and gets %s', async (_, keys, done) => {
    expect(await confirmed('this drops all of celery', 'celery', undefined, aTerminal(keys))).toBe(done)
  })

  it('needs --yes where nobody can be asked', async () => {
    const nobody = aTerminal('celery\r', false)
    await expect(confirmed('this drops all', 'celery', undefined, nobody)).rejects.toMatchObject({ code: 'TWQ_USAGE' })
    expect(await confirmed('this drops all', 'celery', true, nobody)).toBe(true)
  })
})
