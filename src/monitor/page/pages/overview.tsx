import type { Overview as OverviewAnswer, Series } from '../../answers/cluster.ts'
import { hrefOf } from '../address.ts'
import { clockTime, count, duration, rate } from '../format.ts'
import { useLive } from '../live.ts'
import { Chart } from '../parts/chart.tsx'
import { Loaded } from '../parts/empty.tsx'
import { TaskTable } from '../parts/task-table.tsx'

const TOPICS = ['tasks', 'workers', 'queues', 'broker', 'rates'] as const

/** How the cluster is now, and how it was. */
export function Overview({ query }: { readonly query: URLSearchParams }) {
  const live = useLive<OverviewAnswer>('/api/overview', TOPICS, { least: 2_000 })
  return (
    <Loaded live={live} lines={12}>
      {(overview) => (
        <>
          <Missed overview={overview} />
          <Tiles overview={overview} />
          <Charts span={query.get('span') === 'day' ? 'day' : 'hour'} />
          <section aria-labelledby="failures">
            <div class="head">
              <h2 id="failures">Last failures</h2>
              <a href={hrefOf('/tasks', { state: 'FAILURE' })}>All failures</a>
            </div>
            {overview.failures.length === 0 ? (
              <p class="card calm">No task has failed since {clockTime(overview.since)}.</p>
            ) : (
              <TaskTable tasks={overview.failures} caption="The tasks that failed last" shows="exception" />
            )}
          </section>
          <Totals overview={overview} />
        </>
      )}
    </Loaded>
  )
}

/** Says what the page does not know: when no events were heard, and which are not counted. */
function Missed({ overview: { gaps, lost, now } }: { readonly overview: OverviewAnswer }) {
  const missed = lost.dropped + lost.refused
  const [gap] = gaps
  return (
    <>
      {gap?.to !== undefined && now - gap.to < 3_600 && (
        <p class="banner warn">
          No events were heard from {clockTime(gap.from)} to {clockTime(gap.to)}. Tasks that ended then show “unknown
          since”.
        </p>
      )}
      {missed > 0 && (
        <p class="banner warn">
          {count(missed)} events are in no count: {count(lost.dropped)} came too fast, {count(lost.refused)} were
          unreadable.
        </p>
      )}
    </>
  )
}

function Tiles({ overview }: { readonly overview: OverviewAnswer }) {
  const { rates, totals, runtime, wait, workers, queued, running } = overview
  const failedShare = totals.failed / Math.max(1, totals.failed + totals.succeeded)
  return (
    <ul class="tiles" aria-label="Now">
      <Tile name="Succeeded" value={`${rate(rates.succeeded)}/s`} note={`${count(totals.succeeded)} in all`} />
      <Tile
        name="Failed"
        value={`${rate(rates.failed)}/s`}
        note={`${count(totals.failed)} in all, ${(failedShare * 100).toFixed(1)} %`}
        tone={rates.failed > 0 ? 'bad' : undefined}
      />
      <Tile name="Runtime, 95 %" value={duration(runtime.p95)} note={`half within ${duration(runtime.p50)}`} />
      <Tile name="Wait in worker, 95 %" value={duration(wait.p95)} note={`half within ${duration(wait.p50)}`} />
      <Tile name="In queues" value={count(queued)} note={`${count(running)} running`} to="/queues" />
      <Tile
        name="Workers online"
        value={count(workers.online)}
        note={`of ${count(workers.known)} known`}
        tone={workers.online === 0 ? 'bad' : workers.online < workers.known ? 'warn' : undefined}
        to="/workers"
      />
    </ul>
  )
}

interface TileProps {
  readonly name: string
  readonly value: string
  readonly note: string
  readonly tone?: 'bad' | 'warn' | undefined
  readonly to?: string
}

function Tile({ name, value, note, tone, to }: TileProps) {
  return (
    <li class={`card tile ${tone ?? ''}`}>
      <span class="tile-name">{to === undefined ? name : <a href={hrefOf(to)}>{name}</a>}</span>
      <strong class="tile-value">{value}</strong>
      <span class="faint">{note}</span>
    </li>
  )
}

function Charts({ span }: { readonly span: 'hour' | 'day' }) {
  const live = useLive<Series>(`/api/series?span=${span}`, ['charts', 'broker'])
  const series = live.answer
  return (
    <section aria-labelledby="charts">
      <div class="head">
        <h2 id="charts">{span === 'hour' ? 'The last hour' : 'The last day'}</h2>
        <nav class="switch" aria-label="Span of the charts">
          <a href={hrefOf('/')} aria-current={span === 'hour' ? 'true' : undefined}>
            Hour
          </a>
          <a href={hrefOf('/', { span: 'day' })} aria-current={span === 'day' ? 'true' : undefined}>
            Day
          </a>
        </nav>
      </div>
      <div class="charts">
        {series === undefined ? (
          <>
            <div class="card chart outline-box" />
            <div class="card chart outline-box" />
          </>
        ) : (
          <>
            <Chart
              title="Tasks a second"
              at={series.at}
              format={rateOf}
              lines={[
                { label: 'received', colour: 'line-1', values: series.received },
                { label: 'succeeded', colour: 'line-2', values: series.succeeded },
                { label: 'failed', colour: 'line-3', values: series.failed },
                { label: 'retried', colour: 'line-4', values: series.retried },
              ]}
            />
            <Chart
              title="Durations"
              at={series.at}
              format={duration}
              lines={[
                { label: 'runtime, 50 %', colour: 'line-1', values: series.runtime50 },
                { label: 'runtime, 95 %', colour: 'line-2', values: series.runtime95 },
                { label: 'wait, 95 %', colour: 'line-4', values: series.wait95 },
              ]}
            />
          </>
        )}
      </div>
    </section>
  )
}

function rateOf(value: number | undefined | null): string {
  return rate(value ?? undefined)
}

function Totals({ overview: { totals, since, remembered } }: { readonly overview: OverviewAnswer }) {
  return (
    <section aria-labelledby="totals">
      <h2 id="totals">Events since {clockTime(since)}</h2>
      <dl class="card facts">
        {Object.entries(totals).map(([kind, total]) => (
          <div key={kind}>
            <dt>{kind}</dt>
            <dd class="mono">{count(total)}</dd>
          </div>
        ))}
        <div>
          <dt>tasks remembered</dt>
          <dd class="mono">{count(remembered)}</dd>
        </div>
      </dl>
    </section>
  )
}
