import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { describeIssues, isSchema, validate } from '../../src/tasks/schema.ts'

describe('a schema', () => {
  it('gives what it makes of the arguments', async () => {
    const schema = z.object({ userId: z.number(), locale: z.string().default('en') })
    expect(await validate(schema, { userId: 1 })).toEqual({ kind: 'valid', value: { userId: 1, locale: 'en' } })
  })

  it('may need time', async () => {
    const schema = z.object({ id: z.number().refine(async (id) => id > 1, 'is taken') })
    expect(await validate(schema, { id: 2 })).toEqual({ kind: 'valid', value: { id: 2 } })
    expect(await validate(schema, { id: 1 })).toEqual({ kind: 'invalid', message: 'id: is taken' })
  })

  it('may answer with a promise of another realm', async () => {
    for (const [result, expected] of [
      [{ value: 5 }, { kind: 'valid', value: 5 }],
      [{ issues: [{ message: 'refused' }] }, { kind: 'invalid', message: 'refused' }],
    ] as const) {
      const promise = runInNewContext('Promise.resolve(result)', { result })
      const schema = { '~standard': { version: 1, vendor: 'mine', validate: () => promise } } as const
      expect(await validate(schema, {})).toEqual(expected)
    }
  })

  it('takes arguments without a prototype', async () => {
    const args = Object.assign(Object.create(null), { userId: 1 })
    expect(await validate(z.object({ userId: z.number() }), args)).toMatchObject({ kind: 'valid' })
  })

  it.each([
    [z.string(), true],
    [{ '~standard': { version: 1, vendor: 'mine', validate: () => ({ value: 1 }) } }, true],
    [{}, false],
    [null, false],
    ['schema', false],
    [{ '~standard': {} }, false],
  ])('is recognised by the convention (%#)', (value, expected) => {
    expect(isSchema(value)).toBe(expected)
  })
})

describe("a schema's complaint", () => {
  it('names each path in one line', () => {
    const issues = [
      { message: 'expected number', path: ['userId'] },
      { message: 'too long', path: ['to', 0, { key: 'name' }] },
      { message: 'not both' },
    ]
    expect(describeIssues(issues)).toBe('userId: expected number; to[0].name: too long; not both')
  })

  it('stays short however much is wrong', () => {
    const issues = Array.from({ length: 10_000 }, (_, i) => ({ message: 'bad', path: [i] }))
    expect(describeIssues(issues)).toMatch(/^\[0\]: bad; .*\[9\]: bad; and 9990 more$/)
  })
})
