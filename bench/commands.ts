import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { TWQ } from '../test/support/worker-process.ts'
import type { Arena } from './arena.ts'
import { inTurns, median, type Row } from './comparison.ts'
import { cpuTime } from './process-figures.ts'
import { twq } from './sides.ts'
import { now } from './stopwatch.ts'

/** P6: how long a user waits at the prompt, and how much processor time a worker uses until it is ready. */
export async function commands(arena: Arena): Promise<Row[]> {
  const worker = await twq([])(arena, { queue: `ping-${randomUUID()}` })
  const figures = await inTurns(2 * arena.rounds + 1, {
    node: () => timed(['-e', '0'], arena),
    help: () => timed([TWQ, '--help'], arena),
    ping: () => timed([TWQ, 'inspect', 'ping', '--broker', arena.url], arena),
    start: () => processorTimeOfStart(arena),
  })
  await worker.stop()
  const help = median(figures.help.map((time, round) => time - figures.node[round]!))
  const [bare, ping] = [median(figures.node), median(figures.ping)]
  return [
    {
      id: 'P6',
      what: 'twq --help, beyond bare node',
      measured: `node alone ${bare.toFixed(0)} ms`,
      figure: help,
      unit: ' ms',
      target: { kind: 'at most', value: 40 },
    },
    {
      id: 'P6',
      what: 'twq inspect ping, answered by one worker',
      measured: `node alone ${bare.toFixed(0)} ms`,
      figure: ping,
      unit: ' ms',
      target: { kind: 'at most', value: 200 },
    },
    {
      id: 'P6',
      what: 'twq worker start, processor time until it is ready',
      measured: 'its configuration and tasks are JavaScript',
      figure: median(figures.start),
      unit: ' ms',
    },
  ]
}

async function processorTimeOfStart(arena: Arena): Promise<number> {
  const worker = await twq([])(arena, { queue: `start-${randomUUID()}` })
  const time = cpuTime(worker.pid)
  await worker.stop()
  return time
}

/** From the start of the process to its end. In a folder without a configuration file, which would have to be compiled. */
async function timed(args: readonly string[], { folder }: Arena): Promise<number> {
  const start = now()
  const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaint += chunk
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  const time = now() - start
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}:\n${complaint}`)
  return time
}
