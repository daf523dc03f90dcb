import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { addConfigFlags, typedOptions } from '../../../src/cli/flags/config-flags.ts'

function typed(...args: readonly string[]) {
  const command = addConfigFlags(new Command(), 'worker')
  return typedOptions(command.parse(args, { from: 'user' }).opts())
}

describe('flags of the option table', () => {
  it('say what was typed, and nothing of what was not', () => {
    expect(typed()).toEqual({})
    expect(typed('--concurrency', '3', '-E')).toEqual({ concurrency: '3', events: 'true' })
  })

  it('that take something away say that it is off', () => {
    expect(typed('--no-schedules', '--without-heartbeat')).toEqual({ leadSchedules: 'false', workerEvents: 'false' })
  })
})
