import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { StandardSchemaV1 } from '../../src/tasks/schema.ts'
import { validateCall } from '../../src/tasks/validate-call.ts'

const call = async (schema: StandardSchemaV1, args: Record<string, unknown>, named?: readonly string[] | '*') =>
  await validateCall({ name: 'charge', positional: [], named }, schema, args)

const charge = z.object({ cents: z.number(), currency: z.string().default('EUR') })

describe('an argument that the schema passes over', () => {
  it.each<[StandardSchemaV1, Record<string, unknown>, string]>([
    [charge, { cents: 1, extra: 1 }, "charge() got an unexpected keyword argument 'extra'"],
    [
      charge,
      { cents: 1, curency: 'USD' },
      "charge() got an unexpected keyword argument 'curency'; did you mean 'currency'?",
    ],
    [charge, { toString: 1, cents: 1 }, "charge() got an unexpected keyword argument 'toString'"],
    [charge.refine(async () => true), { cents: 1, extra: 1 }, "charge() got an unexpected keyword argument 'extra'"],
    [charge.transform(({ cents }) => cents), { cents: 1, extra: 1 }, "charge() got an unexpected keyword argument 'extra'"], // biome-ignore format: one row
  ])('%# is unexpected, as in Python', async (schema, args, message) => {
    expect(await call(schema, args)).toEqual({ kind: 'invalid', error: 'TypeError', message })
  })

  it('is left alone where the task lists the names it takes, or any', async () => {
    expect(await call(charge, { cents: 1, extra: 1 }, '*')).toMatchObject({ kind: 'valid' })
    expect(await call(charge, { cents: 1, extra: 1 }, ['cents', 'extra'])).toMatchObject({ kind: 'valid' })
  })
})

describe('an argument that the output lacks', () => {
  it.each<[string, StandardSchemaV1, Record<string, unknown>]>([
    ['renamed', z.object({ a: z.number() }).transform(({ a }) => ({ b: a })), { a: 1 }],
    ['made another value', z.object({ a: z.number(), b: z.number() }).transform(({ a, b }) => a + b), { a: 1, b: 0 }],
    [
      'given the value that it has anyway',
      z.object({ a: z.number().default(3) }).transform(({ a }) => ({ b: a })),
      { a: 3 },
    ],
    ['taken with all others', z.looseObject({ a: z.number() }), { a: 1, b: 2 }],
  ])('is no unexpected one when it was %s', async (_, schema, args) => {
    expect(await call(schema, args)).toMatchObject({ kind: 'valid' })
    expect(await call(schema, args)).toMatchObject({ kind: 'valid' })
  })

  it('is tried without once, and known from then on', async () => {
    let runs = 0
    const schema = z.object({ a: z.number() }).transform(({ a }) => {
      runs++
      return { b: a }
    })
    await call(schema, { a: 1 })
    const once = runs
    await call(schema, { a: 2 })
    expect(runs).toBe(once + 1)
  })
})

it('says of a wrong value what the schema says', async () => {
  expect(await call(charge, { cents: 'x' })).toMatchObject({ kind: 'invalid', error: 'ValueError' })
})
