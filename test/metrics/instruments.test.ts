import { describe, expect, it } from 'vitest'
import { createInstruments, type Gauges } from '../../src/metrics/instruments.ts'

const gauges: Gauges = {
  version: '1.2.3',
  tasks: ['add', 'math.mul'],
  schedules: ['nightly'],
  active: () => 1,
  reserved: () => 2,
  held: () => 3,
  prefetch: () => 10,
  slots: () => 8,
  busy: () => 5,
  depths: async () => ({
    queues: new Map([['celery', 7]]),
    quarantines: new Map([['celery', 2]]),
    failures: new Map([['celery', 3]]),
  }),
  connected: (role) => role === 'consumer',
  ready: () => true,
  loopLag: () => 250,
}

/** The samples by name and labels, as Prometheus reads them. */
function samples(text: string): Map<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

describe('the metrics', () => {
  it('count what happens, by task and how it ended', async () => {
    const instruments = await createInstruments(gauges)
    instruments.ended('add', 'succeeded', 40)
    instruments.ended('add', 'succeeded', 4_000)
    instruments.ended('add', 'revoked')
    instruments.ended('add', 'failed', 40)
    instruments.waited('add', 'sent', 2_000)
    instruments.waited('add', 'eta', 0)
    instruments.quarantined('add')
    instruments.redelivered()
    instruments.scheduled('nightly', 20, 1_900_000_000_000)
    instruments.scheduled('set at run time', -5, 1_900_000_001_000)
    instruments.reconnected('publisher')
    const { contentType, text } = await instruments.read()
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
    expect(Object.fromEntries(samples(text))).toMatchObject({
      'twq_tasks_total{task="add",state="succeeded"}': 2,
      'twq_tasks_total{task="add",state="revoked"}': 1,
      'twq_tasks_total{task="math.mul",state="failed"}': 0,
      'twq_task_duration_seconds_bucket{le="0.05",task="add",state="succeeded"}': 1,
      'twq_task_duration_seconds_count{task="add",state="succeeded"}': 2,
      'twq_task_duration_seconds_sum{task="add",state="succeeded"}': 4.04,
      'twq_task_duration_seconds_count{task="add",state="failed"}': 1,
      'twq_task_queue_wait_seconds_sum{task="add",from="sent"}': 2,
      'twq_task_queue_wait_seconds_bucket{le="0.5",task="add",from="eta"}': 1,
      'twq_quarantined_total{task="add"}': 1,
      twq_redelivered_total: 1,
      'twq_reconnects_total{connection="consumer"}': 0,
      'twq_reconnects_total{connection="publisher"}': 1,
      'twq_schedule_lag_seconds_bucket{le="0.025"}': 2,
      twq_schedule_lag_seconds_sum: 0.02,
      'twq_schedule_last_run_timestamp_seconds{schedule="nightly"}': 1_900_000_000,
      'twq_schedule_last_run_timestamp_seconds{schedule="other"}': 1_900_000_001,
      twq_tasks_active: 1,
      twq_tasks_reserved: 2,
      twq_tasks_held: 3,
      twq_prefetch: 10,
      twq_slots: 8,
      twq_slots_busy: 5,
      'twq_queue_messages{queue="celery"}': 7,
      'twq_quarantine_messages{queue="celery"}': 2,
      'twq_failed_messages{queue="celery"}': 3,
      twq_ready: 1,
      twq_event_loop_lag_seconds: 0.25,
      'twq_broker_connected{connection="consumer"}': 1,
      'twq_broker_connected{connection="publisher"}': 0,
      [`twq_info{version="1.2.3",node_version="${process.versions.node}"}`]: 1,
    })
    expect(samples(text).has('process_cpu_seconds_total')).toBe(true)
  })

  it('stay as many, whatever names come over the wire', async () => {
    const instruments = await createInstruments(gauges)
    const report = (task: string) => {
      instruments.ended(task, 'failed', 1)
      instruments.waited(task, 'sent', 1)
      instruments.quarantined(task)
      instruments.scheduled(task, 1, 1)
    }
    report('nobody.knows')
    const before = samples((await instruments.read()).text)
    for (let n = 0; n < 10_000; n += 1) report(`random.${n}`)
    for (const odd of ['__proto__', 'constructor', 'a"b\nc', '']) report(odd)
    const after = samples((await instruments.read()).text)
    const ours = (all: typeof after) => [...all.keys()].filter((name) => name.startsWith('twq_'))
    expect(ours(after)).toEqual(ours(before))
    expect(after.get('twq_quarantined_total{task="unknown"}')).toBe(10_005)
  })

  it('have no depth for a queue that is no longer told of', async () => {
    let queues = new Map([['a', 1]])
    const instruments = await createInstruments({
      ...gauges,
      depths: async () => ({ queues, quarantines: new Map(), failures: new Map() }),
    })
    expect(samples((await instruments.read()).text).get('twq_queue_messages{queue="a"}')).toBe(1)
    queues = new Map([['b', 2]])
    const after = samples((await instruments.read()).text)
    expect([...after.keys()].filter((name) => name.startsWith('twq_queue_messages'))).toEqual([
      'twq_queue_messages{queue="b"}',
    ])
  })

  it('of two workers in one process are their own', async () => {
    const [first, second] = await Promise.all([createInstruments(gauges), createInstruments(gauges)])
    first.redelivered()
    expect(samples((await first.read()).text).get('twq_redelivered_total')).toBe(1)
    expect(samples((await second.read()).text).get('twq_redelivered_total')).toBe(0)
  })
})
