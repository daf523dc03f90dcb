import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { celeryMessage, preload } from '../test/support/celery-message.ts'
import type { Arena } from './arena.ts'
import type { Row } from './comparison.ts'
import { highestResidentSize, proportionalSize } from './process-figures.ts'
import { twq } from './sides.ts'
import { createStopwatch, readStopwatch } from './stopwatch.ts'

const SAMPLE_EVERY = 50

/**
 * P7: the memory of an idle worker, and at its highest while it drains a full queue as for P1. The proportional set size
 * (PSS) counts what processes share only once among them.
 */
export async function memory(arena: Arena): Promise<Row[]> {
  const flags = ['--prefetch', '1000', '--result-backend', 'none']
  const idler = await twq(flags)(arena, { queue: `idle-${randomUUID()}` })
  const idle = proportionalSize(idler.pid)
  await idler.stop()

  const { messages: count, url, folder } = arena
  const queue = `memory-${randomUUID()}`
  const path = join(folder, `${queue}.stopwatch`)
  await preload(url, queue, count, () => celeryMessage('bench.add', [1, 2], 'nobody'))
  createStopwatch(path)
  const worker = await twq(flags)(arena, { queue, stopwatch: { path, count } })
  let highest = 0
  while (worker.running && readStopwatch(path).last === undefined) {
    highest = Math.max(highest, proportionalSize(worker.pid))
    await sleep(SAMPLE_EVERY)
  }
  const resident = highestResidentSize(worker.pid)
  await worker.stop()
  return [
    row('idle worker, PSS', idle, '', 70),
    row('worker at its highest under P1, PSS', highest, `resident ${resident.toFixed(0)} MB`, 120),
  ]
}

function row(what: string, figure: number, measured: string, atMost: number): Row {
  return { id: 'P7', what, measured, figure, unit: ' MB', target: { kind: 'at most', value: atMost } }
}
