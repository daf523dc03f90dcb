import { describe, expect, it } from 'vitest'
import { expandNodeName } from '../../../src/protocol/remote/node-name.ts'

describe('expandNodeName', () => {
  it.each([
    [undefined, 'twq@host1.example.com'],
    ['', 'twq@host1.example.com'],
    ['twq@%h', 'twq@host1.example.com'],
    ['w1@%h', 'w1@host1.example.com'],
    ['w1@%n', 'w1@host1'],
    ['w1@%d', 'w1@example.com'],
    ['w1@host1', 'w1@host1'],
    ['w1@', 'w1@host1.example.com'],
    ['w1', 'twq@w1'],
    ['@x', 'twq@x'],
    ['%n', 'twq@host1'],
    ['100%%@%n', '100%@host1'],
    ['a@b@c', 'a@b@c'],
  ])('reads %s as %s', (pattern, name) => {
    expect(expandNodeName(pattern, 'host1.example.com')).toBe(name)
  })

  it('knows hosts without a domain', () => {
    expect(expandNodeName('%n@%h', 'host1')).toBe('host1@host1')
  })

  it.each(['w@%x', 'w@%', 'x'.repeat(300)])('refuses %.20s', (pattern) => {
    expect(() => expandNodeName(pattern, 'host1')).toThrow(expect.objectContaining({ code: 'TWQ_CONFIG' }) as Error)
  })
})
