import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { createLogger } from '../../../src/runtime/log/logger.ts'
import {
  nextStop,
  onStopSignals,
  type StopRequest,
  type StopSignal,
} from '../../../src/runtime/process/process-signals.ts'
import type { Clock } from '../../../src/runtime/time/clock.ts'

it.each<[StopRequest | undefined, StopSignal, StopRequest]>([
  [undefined, 'SIGTERM', 'warm'],
  [undefined, 'SIGINT', 'warm'],
  [undefined, 'SIGQUIT', 'cold'],
  ['warm', 'SIGTERM', 'cold'],
  ['warm', 'SIGINT', 'cold'],
  ['warm', 'SIGQUIT', 'cold'],
  ['cold', 'SIGTERM', 'now'],
  ['cold', 'SIGINT', 'now'],
  ['cold', 'SIGQUIT', 'now'],
  [undefined, 'SIGHUP', 'warm'],
  ['warm', 'SIGHUP', 'warm'],
  ['cold', 'SIGHUP', 'cold'],
])('after %s, %s asks for %s', (previous, signal, expected) => {
  expect(nextStop(previous, signal)).toBe(expected)
})

function listening(sigterm?: 'SIGQUIT') {
  const process = new EventEmitter()
  const requests: StopRequest[] = []
  const lines: string[] = []
  let now = 0
  const clock: Clock = { now: () => now, monotonic: () => now, after: () => ({ cancel() {} }) }
  const logger = createLogger({ level: 'info', format: 'json', destination: { write: (line) => lines.push(line) } })
  const watch = onStopSignals((request) => requests.push(request), {
    logger,
    clock,
    process,
    ...(sigterm && { sigterm }),
  })
  const send = (signal: StopSignal, afterMs = 1_000): void => {
    now += afterMs
    process.emit(signal, signal)
  }
  return { process, requests, lines, send, watch }
}

it('goes a step further with each signal, and says what happens next', () => {
  const { requests, lines, send } = listening()
  send('SIGTERM')
  send('SIGTERM', 0)
  send('SIGINT')
  expect(requests).toEqual(['warm', 'cold', 'now'])
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { event: 'worker.signal', signal: 'SIGTERM', stop: 'warm' },
    { event: 'worker.signal', signal: 'SIGTERM', stop: 'cold' },
    { event: 'worker.signal', signal: 'SIGINT', stop: 'now' },
  ])
})

it('takes the two SIGINTs of one Ctrl-C under npm for one', () => {
  const { requests, send } = listening()
  send('SIGINT')
  send('SIGINT', 3)
  expect(requests).toEqual(['warm'])
  send('SIGINT', 400)
  expect(requests).toEqual(['warm', 'cold'])
})

it('takes a SIGHUP beside another signal for the same wish', () => {
  const { requests, send } = listening()
  send('SIGTERM')
  send('SIGHUP', 0)
  expect(requests).toEqual(['warm'])
  send('SIGTERM')
  expect(requests).toEqual(['warm', 'cold'])
})

it('begins with the second step on SIGTERM where that stands for SIGQUIT', () => {
  const { requests, send } = listening('SIGQUIT')
  send('SIGTERM')
  expect(requests).toEqual(['cold'])
})

it('leaves signals alone once disposed', () => {
  const { process, watch } = listening()
  watch[Symbol.dispose]()
  expect(process.eventNames()).toEqual([])
})
