import { describe, expect, it } from 'vitest'
import { allows, CHANGING_COMMANDS, controlPolicy } from '../../../src/config/options/control-policy.ts'
import { commands } from '../../../src/control/commands/all.ts'

// A heartbeat is news, and elections are ignored.
const HARMLESS = ['heartbeat', 'election']

it('names every command that changes something', () => {
  const changing = commands.filter(({ kind, name }) => kind === 'control' && !HARMLESS.includes(name))
  expect(changing.map(({ name }) => name).sort()).toEqual(CHANGING_COMMANDS)
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
