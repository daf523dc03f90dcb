import type { Command } from 'commander'
import { beforeAll, describe, expect, it } from 'vitest'
import { candidates } from '../../../src/cli/completion/candidates.ts'
import { addFamilies, createProgram } from '../../../src/cli/program.ts'

let program: Command

beforeAll(async () => {
  program = createProgram(() => {})
  await addFamilies(program.commands, () => {})
})

/** The words that may complete the last one of a line after `twq`. */
function completed(line: string): readonly string[] {
  return candidates(program, line.split(' ')).map(({ word }) => word)
}

describe('completion', () => {
  it('offers every family of commands, and says what it does', () => {
    expect(completed('')).toEqual(program.commands.map((command) => command.name()))
    expect(completed('')).toContain('completion')
    expect(candidates(program, ['top'])).toEqual([{ word: 'top', does: expect.stringContaining('live') }])
  })

  it.each([
    ['w', ['worker']],
    ['worker st', ['start', 'stop']],
    ['inspect s', ['scheduled', 'stats']],
    ['help inspect s', ['scheduled', 'stats']],
    ['--json inspect s', ['scheduled', 'stats']],
    ['-t 5s inspect s', ['scheduled', 'stats']],
    ['control pool_', []],
    ['worker start --max-t', ['--max-tasks-per-child', '--max-tasks']],
    ['worker start --pool ', ['async', 'threads', 'processes', 'solo']],
    ['worker start -P t', ['threads']],
    ['worker start --pool=t', ['--pool=threads']],
    ['worker start --queues ', []],
    ['worker start --queues a --loglevel w', ['warn']],
    ['-o ', ['table', 'json']],
    ['top --output=j', ['--output=json']],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['completion bash ', []],
    ['status ', []],
    ['no-such-command --jso', ['--json']],
  ])('of "twq %s" is %j', (line, expected) => {
    expect(completed(line)).toEqual(expected)
  })

  it('offers the flags that the help shows, each once', () => {
    const flags = completed('worker start -')
    expect(new Set(flags).size).toBe(flags.length)
    expect(flags).toEqual(expect.arrayContaining(['--pool', '--config', '--help']))
    for (const hidden of ['--supervised', '--uid', '--app', '--version']) expect(flags).not.toContain(hidden)
    expect(completed('--ver')).toEqual(['--verbose', '--version'])
  })
})
