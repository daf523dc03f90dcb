import { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { addConfigFlags, typedOptions } from '../../../src/cli/flags/config-flags.ts'
import { createProgram } from '../../../src/cli/program.ts'
import { options } from '../../../src/config/options.ts'

function typed(...args: readonly string[]) {
  const command = addConfigFlags(new Command(), 'worker', options)
  return typedOptions(command.parse(args, { from: 'user' }).opts(), options)
}

describe('flags of the option table', () => {
  it('that every command takes are those of the program', () => {
    const shared = Object.values(options).flatMap(({ flag }) => (flag?.of === 'all' ? [flag.long] : []))
    expect(shared).not.toEqual([])
    expect(createProgram(() => {}).options.map(({ long }) => long)).toEqual(expect.arrayContaining(shared))
  })

  it('say what was typed, and nothing of what was not', () => {
    expect(typed()).toEqual({})
    expect(typed('--concurrency', '3', '-E')).toEqual({ concurrency: '3', events: 'true' })
  })

  it('that take something away say that it is off', () => {
    expect(typed('--no-schedules', '--without-heartbeat')).toEqual({ leadSchedules: 'false', workerEvents: 'false' })
  })
})
