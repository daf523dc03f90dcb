import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { defineTask, type TaskContext } from 'twq'
import { recordEnd, recordStart } from '../../support/ledger.ts'

const { LEDGER = '/dev/null', RATE_LIMIT = '6/m' } = process.env

/** Writes its start into the ledger, takes its time, writes its end, and returns its id. */
export const work = defineTask({
  name: 'acceptance.work',
  positional: ['milliseconds'],
  run: ({ milliseconds }: { milliseconds: number }, ctx) => workFor(milliseconds, ctx),
})

/** The same under a rate limit, which the environment says. */
export const limited = defineTask({
  name: 'acceptance.limited',
  positional: ['milliseconds'],
  rateLimit: RATE_LIMIT,
  run: ({ milliseconds }: { milliseconds: number }, ctx) => workFor(milliseconds, ctx),
})

/** Asks to be run again, `wait` milliseconds later, so many times; its attempts are in the ledger as `<id>#<attempt>`. */
export const workAgain = defineTask({
  name: 'acceptance.again',
  positional: ['times', 'wait'],
  retry: { limit: null },
  async run({ times, wait }: { times: number; wait: number }, ctx) {
    await workFor(50, ctx, `${ctx.id}#${ctx.attempt}`)
    if (ctx.attempt <= times) ctx.retry({ countdown: wait })
    return ctx.id
  },
})

/** Writes its start into the ledger, and takes the whole worker with it. */
export const die = defineTask({
  name: 'acceptance.die',
  run(_args, ctx) {
    recordStart(LEDGER, ctx.id, ctx.redelivered)
    process.kill(process.pid, 'SIGKILL')
  },
})

/** Writes its start into the ledger, waits until there is a file beside the ledger called `….open`, and writes its end. */
export const waitForGate = defineTask({
  name: 'acceptance.wait',
  async run(_args, ctx) {
    recordStart(LEDGER, ctx.id, ctx.redelivered)
    while (!existsSync(`${LEDGER}.open`)) await sleep(20, undefined, { signal: ctx.signal })
    recordEnd(LEDGER, ctx.id)
  },
})

/** The body of a chord: writes its start and its end into the ledger, and returns how many different results it got. */
export const collect = defineTask({
  name: 'acceptance.collect',
  positional: ['results'],
  run({ results }: { results: string[] }, ctx) {
    recordStart(LEDGER, ctx.id, ctx.redelivered)
    recordEnd(LEDGER, ctx.id)
    return new Set(results).size
  },
})

/** Writes its start into the ledger, and fails until there is a file beside the ledger called `….mended`; then it writes its end, too. */
export const failUntilMended = defineTask({
  name: 'acceptance.unlucky',
  async run(_args, ctx) {
    recordStart(LEDGER, ctx.id, ctx.redelivered)
    await sleep(20, undefined, { signal: ctx.signal })
    if (!existsSync(`${LEDGER}.mended`)) throw new ValueError(`no luck for ${ctx.id}`)
    recordEnd(LEDGER, ctx.id)
  },
})

/** Throws an error that Python has a class for. */
export const fail = defineTask({
  name: 'acceptance.fail',
  positional: ['message'],
  run({ message }: { message: string }) {
    throw new ValueError(message)
  },
})

/** Gives back one of the caller's own headers. */
export const header = defineTask({
  name: 'acceptance.header',
  positional: ['name'],
  run({ name }: { name: string }, ctx) {
    return String(ctx.request.headers[name])
  },
})

async function workFor(milliseconds: number, ctx: TaskContext, name: string = ctx.id): Promise<string> {
  recordStart(LEDGER, name, ctx.redelivered, historyOf(ctx))
  if (milliseconds > 0) await sleep(milliseconds)
  recordEnd(LEDGER, name)
  return ctx.id
}

/** The lines of the copies that took the place of the message. */
function historyOf({ request }: TaskContext): string[] {
  const history = request.headers['x-twq-history']
  return Array.isArray(history) ? history.map(String) : []
}

class ValueError extends Error {
  override readonly name = 'ValueError'
}
