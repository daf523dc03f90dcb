import { expect, it } from 'vitest'
import { workerArguments } from '../../../src/cli/dev/worker-arguments.ts'
import type { GlobalOptions } from '../../../src/cli/flags/global-options.ts'

const OWN = ['--broker', 'amqp://there', '--log-format', 'json', '--hostname', 'dev2@%h']

it.each<[GlobalOptions, readonly string[]]>([
  [{}, []],
  [{ queues: 'a,b', config: 'other.ts' }, ['--queues', 'a,b', '--config', 'other.ts']],
  [{ taskEvents: true }, ['--task-events']],
  [{ verbose: true }, ['--verbose']],
  // As commander keeps a flag that denies, where it was left out and where it was given.
  [{ schedules: true }, []],
  [{ schedules: false }, ['--no-schedules']],
])('hands %j on to the worker, before what only twq dev knows', (flags, expected) => {
  expect(workerArguments(flags, 'amqp://there', 2)).toEqual([...expected, ...OWN])
})
