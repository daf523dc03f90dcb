import { describe, expect, it } from 'vitest'
import { allows, CHANGING_COMMANDS, controlPolicy, OTHER_COMMANDS } from '../../../src/config/options/control-policy.ts'
import { commands } from '../../../src/control/commands/all.ts'

// A heartbeat is news, and elections are ignored.
const HARMLESS = ['heartbeat', 'election']

it('names every command that changes something', () => {
  const changing = commands.filter(({ kind, name }) => kind === 'control' && !HARMLESS.includes(name))
  expect(changing.map(({ name }) => name).sort()).toEqual(CHANGING_COMMANDS)
})

it('knows the names of all the others, which none of one’s own may have', () => {
  const names = commands.flatMap(({ name, aliases = [] }) => [name, ...aliases])
  expect([...CHANGING_COMMANDS, ...OTHER_COMMANDS].sort()).toEqual(names.sort())
})

describe('commands of one’s own', () => {
  const parser = controlPolicy()
  const run = () => 'done'

  it('are read from a file, and allowed unless the policy says otherwise', () => {
    const option = parser.fromValue({ commands: { reload_rates: { run, help: 'reads the rates again' } } })
    expect(option).toEqual({ allow: 'all', commands: { reload_rates: { run, help: 'reads the rates again' } } })
    expect(allows(option as never, 'reload_rates')).toBe(true)
  })

  it('are refused where only reading is allowed, unless they inspect', () => {
    const option = { allow: 'read', commands: { reload: { run }, rates: { run, kind: 'inspect' } } } as const
    expect(['reload', 'rates', 'shutdown', 'ping'].map((name) => allows(option, name))).toEqual([
      false,
      true,
      false,
      true,
    ])
  })

  it('may be named among those that are allowed', () => {
    const option = parser.fromValue({ allow: ['revoke', 'reload'], commands: { reload: { run }, drop: { run } } })
    expect(['revoke', 'reload', 'drop'].map((name) => allows(option as never, name))).toEqual([true, true, false])
  })

  it.each([
    { commands: { ping: { run } } },
    { commands: { dump_conf: { run } } },
    { commands: { 'not a name': { run } } },
    { commands: { reload: run } },
    { commands: { reload: { run, repyl: true } } },
    { commands: { reload: { run, kind: 'both' } } },
    { allow: ['reload'], commands: {} },
    { alow: 'read' },
  ])('are refused where they can not be meant: %j', (value) => {
    expect(parser.fromValue(value)).toBeUndefined()
  })
})

describe('what may be given', () => {
  it.each([
    ['all', 'shutdown', true],
    ['read', 'shutdown', false],
    ['read', 'ping', true],
    ['read', 'heartbeat', true],
    [['revoke'], 'revoke', true],
    [['revoke'], 'terminate', false],
  ] as const)('%j, %s: %s', (policy, command, expected) => {
    expect(allows(policy, command)).toBe(expected)
  })
})

it('is read from texts and lists, and refuses names that are no commands', () => {
  const parser = controlPolicy()
  expect(parser.fromText('read')).toBe('read')
  expect(parser.fromText('revoke, rate_limit')).toEqual(['revoke', 'rate_limit'])
  expect(parser.fromValue(['shutdown'])).toEqual(['shutdown'])
  for (const wrong of [[], ['ping'], ['shutdwon'], 7, 'none', null]) expect(parser.fromValue(wrong)).toBeUndefined()
})
