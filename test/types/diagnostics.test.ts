import { beforeAll, describe, expect, it } from 'vitest'
import { complaintsAbout } from '../support/diagnostics.ts'

const PREAMBLE = `
import { z } from 'zod'
import { type Client, defineConfig, defineTask, signature, type UserConfig } from '../src/index.ts'
declare const client: Client
const charge = defineTask({ name: 'charge', run: ({ cents }: { cents: number }) => cents })
const invoice = defineTask({
  name: 'invoice',
  schema: z.object({ id: z.string(), lines: z.array(z.number()).optional() }),
  run: ({ id }) => id,
})
`

const run = 'run: ({ x, y }: { x: number; y?: number }) => x + (y ?? 0)'

/** Code, the text that the compiler's only complaint is about, and what its innermost line contains. */
type Mistake = readonly [code: string, at: string, message: string]

// biome-ignore format: a row each
const SENDS: readonly Mistake[] = [
  ['client.send(invoice, {})', '{}', "Property 'id' is missing in type '{}' but required in type '{ id: string; lines?: number[] | undefined; }'."],
  ["client.send(charge, { cents: '5' })", 'cents', "Type 'string' is not assignable to type 'number'."],
  ['client.send(charge, { cents: 1, extra: 1 })', 'extra', "Object literal may only specify known properties, and 'extra' does not exist in type '{ cents: number; }'."],
  ["client.send(charge, { cents: 1 }, { countdwn: '5s' })", 'countdwn', "Object literal may only specify known properties, but 'countdwn' does not exist in type 'SendOptions'. Did you mean to write 'countdown'?"],
  ['client.send(charge)', 'send', 'Expected 2-3 arguments, but got 1.'],
  ['client.send(charge, [1])', '[1]', "Property 'cents' is missing in type 'number[]' but required in type '{ cents: number; }'."],
  ["signature(charge, { cents: '5' })", "{ cents: '5' }", "Type 'string' is not assignable to type 'number'."],
]

// biome-ignore format: a row each
const DEFINITIONS: readonly Mistake[] = [
  [`defineTask({ name: 'add', acks: 'lat', ${run} })`, 'acks', `Type '"lat"' is not assignable to type '"late" | "early"'. Did you mean '"late"'?`],
  [`defineTask({ name: 'add', positionl: ['x'], ${run} })`, 'positionl', "Did you mean to write 'positional'?"],
  [`defineTask({ name: 'add', retry: { limit: '3' }, ${run} })`, 'limit', "Type 'string' is not assignable to type 'number'."],
  [`defineTask({ name: 'add', positional: ['x', 'yy'], ${run} })`, 'positional', `Type '"yy"' is not assignable to type '"x" | "y" | "x?" | "y?"'.`],
  [`defineTask({ name: 'add', positional: ['x'], named: ['yy'], ${run} })`, 'named', `Type '"yy"' is not assignable to type '"x" | "y" | "x?" | "y?"'.`],
  [`defineTask({ name: 'add', named: ['x'], ${run} })`, 'named', `Type '["x"]' is not assignable to type '"'y' must be named, too"'.`],
  [`defineTask({ name: 'add', positional: ['x'], ${run} })`, `{ name: 'add', positional: ['x'], ${run} }`, `but required in type '{ readonly named: "*" | readonly ("y" | "y?")[]; }'.`],
  ["defineTask({ name: 'add', schema: z.object({ x: z.string() }), run: ({ x }: { x: number }) => x })", 'schema', "Type 'string' is not assignable to type 'number'."],
  ["defineTask({ name: 'add', run: ({ x }) => x })", 'x', "Property 'x' does not exist on type 'NoArguments'."],
  ["defineTask({ name: 'm', run: () => new Map([[1, 2]]) })", 'run', `is not assignable to type '"the result is a Map: it has no JSON form"'.`],
  ["defineTask({ name: 'm', run: async () => ({ seen: [new Set([1])] }) })", 'run', `is not assignable to type '"the result.seen[] is a Set: it has no JSON form"'.`],
  ["defineTask({ name: 'm', run: () => ({ call: () => 1 }) })", 'run', `is not assignable to type '"the result.call is a function: it has no JSON form"'.`],
  ["defineConfig({ brokr: 'amqp://localhost' })", 'brokr', "'brokr' does not exist in type 'UserConfig | ("],
  ["defineConfig({ concurrency: '3' })", 'concurrency', "Type 'string' is not assignable to type 'number'."],
]

const RIGHT = `
  export const named = defineTask({ name: 'a', positional: ['x'], named: ['y?'], run: (_: { x: number; y?: number }) => 1 })
  export const any = defineTask({ name: 'b', positional: ['x'], named: '*', run: (_: { x: number; [more: string]: number }) => 1 })
  export const loose = defineTask({ name: 'c', positional: ['x'], run: (args: any) => args.x })
  export const unused = defineTask({ name: 'd', positional: ['x', 'y?', '...more'], run: () => 1 })
  export const config = [defineConfig({ broker: 'x' }), defineConfig(async ({ command }) => ({ broker: command }))]
  export const queues: UserConfig['queues'] = defineConfig({ queues: ['a'] }).queues
  export const made: Promise<UserConfig> = defineConfig(async () => ({ queues: ['a'] }))({ command: 'dev', mode: 'x', env: {} })
  void client.send(charge, { cents: 1 }, { link: signature(charge), linkError: [signature('alarm')] }).then((sent) => sent.revoke({ terminate: true }))
  void client.revoke(['id'], { terminate: true, signal: 'SIGKILL' })
  void client.send(charge, { cents: 1 })
  void client.send(invoice, { id: '1' }, { countdown: '5s' })
  void client.send(unused, { x: 1, more: [2] })
  void client.send(named, { x: 1 })
  void client.send<typeof charge>('charge', { cents: 1 })
  void client.send('python.task', [1, 2], { queue: 'python' })
`

describe('the compiler', () => {
  let complaints: ReadonlyMap<string, readonly (readonly [at: string, message: string])[]>

  beforeAll(() => {
    const codes = [...SENDS, ...DEFINITIONS].map(([code]) => code).concat(RIGHT)
    const found = complaintsAbout(codes.map((code) => `${PREAMBLE}\n${code}`))
    complaints = new Map(
      codes.map((code, index) => [
        code,
        (found[index] ?? []).map(({ at, message }) => [at, message.split('\n').at(-1)?.trim() ?? ''] as const),
      ]),
    )
  }, 60_000)

  it.each(SENDS)('names a wrong argument of a send in its place: %s', (code, at, message) => {
    expect(complaints.get(code)).toEqual([[at, message]])
  })

  it.each(DEFINITIONS)('names what is wrong in a definition in its place: %s', (code, at, message) => {
    expect(complaints.get(code)).toEqual([[at, expect.stringContaining(message)]])
  })

  it('says nothing of right code', () => {
    expect(complaints.get(RIGHT)).toEqual([])
  })
})
