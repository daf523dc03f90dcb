import { expect, expectTypeOf, it } from 'vitest'
import { chain } from '../../src/canvas/chain.ts'
import { chord } from '../../src/canvas/chord.ts'
import { group } from '../../src/canvas/group.ts'
import { signature } from '../../src/canvas/signature.ts'
import type { Client } from '../../src/client/create-client.ts'
import type { JsonObject } from '../../src/runtime/json.ts'
import { defineTask } from '../../src/tasks/define-task.ts'
import type { ResultOf } from '../../src/tasks/sending.ts'

class Money {
  toJSON() {
    return { cents: 1 }
  }
}
interface Tree {
  readonly name: string
  readonly children: readonly Tree[]
}

const report = defineTask({
  name: 'report',
  run: () => ({
    at: new Date(0),
    bytes: new Uint8Array(),
    buffer: { inner: Buffer.from('x'), no: undefined as undefined },
    count: 1n,
    maybe: undefined as number | undefined,
    list: [undefined as string | undefined],
    price: new Money(),
  }),
})
const nothing = defineTask({ name: 'nothing', async run() {} })
const tree = defineTask({ name: 'tree', run: (): Tree => ({ name: 'root', children: [] }) })

it('a result is typed as it comes out of its JSON', () => {
  expectTypeOf<ResultOf<typeof report>>().toEqualTypeOf<{
    at: Date
    bytes: Uint8Array
    buffer: { inner: Uint8Array; no?: never }
    count: bigint
    maybe?: number
    list: (string | null)[]
    price: { cents: number }
  }>()
  expectTypeOf<ResultOf<typeof nothing>>().toEqualTypeOf<null>()
  expectTypeOf<ResultOf<typeof tree>['children'][number]['name']>().toEqualTypeOf<string>()
})

it('a task that is found by its id has the type of its definition', () => {
  const find = (client: Client) => client.result(report, 'id-1').result()
  expectTypeOf<Awaited<ReturnType<typeof find>>['count']>().toEqualTypeOf<bigint>()
  const untyped = (client: Client) => client.result<number>('id-1').result()
  expectTypeOf(untyped).returns.resolves.toEqualTypeOf<number>()
})

it('what replaces a task, and what is added to a chord, may be any canvas, or a signature as Python wrote it', () => {
  const one = signature(nothing)
  const several = chain(one, signature(tree))
  const task = defineTask({
    name: 'replacing',
    async run({ n, given }: { n: number; given: JsonObject }, ctx) {
      for (const canvas of [one, several, group(one, several), chord([one, one], signature('sum'))]) {
        await ctx.addToChord(canvas)
        if (n === 0) return ctx.replace(canvas)
      }
      await ctx.addToChord(chord([one], several))
      await ctx.addToChord(given)
      if (n === 1) return ctx.replace(group(one, signature(tree)))
      if (n === 2) return ctx.replace(chord(group(one), one))
      if (n === 3) return ctx.replace(signature(given))
      if (n === 4) return ctx.replace(given)
      if (n === 5) return ctx.replace(signature(nothing).set({ countdown: '5s' }))
      // @ts-expect-error A number is JSON, and so may be given; a function is not.
      if (n === 6) return ctx.replace(() => 1)
      return n
    },
  })
  expectTypeOf<ResultOf<typeof task>>().toEqualTypeOf<number>()
  expect(task.name).toBe('replacing')
})
