import { useState } from 'preact/hooks'
import type { SessionAnswer } from '../../answers/session.ts'
import type { HiddenPart, TaskDetail, TaskValue } from '../../answers/tasks.ts'
import { hrefOf } from '../address.ts'
import { act } from '../ask.ts'
import { duration, exactTime } from '../format.ts'
import { useLive } from '../live.ts'
import { Code } from '../parts/code.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Loaded } from '../parts/empty.tsx'
import { Moment } from '../parts/moment.tsx'
import { attempt } from '../parts/notices.tsx'
import { State } from '../parts/state.tsx'
import { Doubt } from '../parts/task-table.tsx'
import { Tree } from '../parts/tree.tsx'

interface TaskProps {
  readonly id: string
  readonly session: SessionAnswer
}

/** One task: what it was called with, what came of it, and how it came there. */
export function Task({ id, session }: TaskProps) {
  const live = useLive<TaskDetail>(`/api/tasks/${encodeURIComponent(id)}`, ['tasks', 'workers'])
  return (
    <Loaded live={live} lines={10}>
      {(task) => (
        <>
          <header class="task-head">
            <h2 class="task-name">{task.name ?? 'unnamed'}</h2>
            <State state={task.state} />
            <Doubt task={task} />
            <Actions task={task} session={session} />
          </header>
          <Facts task={task} />
          <div class="halves">
            <Value title="Arguments" part="args" hidden={task.hidden} text={calledWith(task)} />
            <Outcome task={task} />
          </div>
          <Attempts task={task} />
          <Timeline task={task} />
          <Tree id={id} />
        </>
      )}
    </Loaded>
  )
}

const ENDED: ReadonlySet<string> = new Set(['SUCCESS', 'FAILURE', 'REVOKED', 'REJECTED'])

function Actions({ task, session }: { readonly task: TaskDetail; readonly session: SessionAnswer }) {
  const [asks, setAsks] = useState<'revoke' | 'terminate'>()
  if (ENDED.has(task.state) || !session.rights.includes('edit')) return null
  const terminates = asks === 'terminate'
  const revoke = () =>
    attempt(
      () => (terminates ? 'Workers are told to end it.' : 'Workers are told not to start it.'),
      () => act('/api/tasks/revoke', { ids: [task.id], terminate: terminates }),
    )
  return (
    <div class="buttons">
      <button type="button" onClick={() => setAsks('revoke')}>
        Revoke
      </button>
      <button type="button" class="danger" onClick={() => setAsks('terminate')}>
        Terminate
      </button>
      {asks !== undefined && (
        <Confirm
          title={terminates ? 'Terminate this task?' : 'Revoke this task?'}
          text={
            terminates
              ? 'It is not started, and ended where it runs. What it has done so far stays.'
              : 'It is not started. Where it runs already, it goes on.'
          }
          action={terminates ? 'Terminate' : 'Revoke'}
          onConfirm={() => void revoke()}
          onClose={() => setAsks(undefined)}
        />
      )}
    </div>
  )
}

function Facts({ task }: { readonly task: TaskDetail }) {
  const facts: readonly (readonly [name: string, value: preact.ComponentChildren])[] = [
    ['Id', <span class="mono breaks">{task.id}</span>],
    ['Worker', task.worker],
    ['Sent by', task.client],
    ['Received', task.received === undefined ? undefined : <Moment at={task.received} />],
    ['Started', task.started === undefined ? undefined : <Moment at={task.started} />],
    ['Ran for', task.runtime === undefined ? undefined : duration(task.runtime)],
    ['Retries', task.retries],
    ['Due', momentOf(task.eta)],
    ['Expires', momentOf(task.expires)],
    ['Queue', task.queue ?? task.routingKey],
    ['Sent by task', task.parentId && task.parentId !== task.id ? <TaskLink id={task.parentId} /> : undefined],
    ['Workflow', task.rootId && task.rootId !== task.id ? <TaskLink id={task.rootId} /> : undefined],
  ]
  return (
    <dl class="card facts">
      {facts
        .filter(([, value]) => value !== undefined && value !== '')
        .map(([name, value]) => (
          <div key={name} class={name === 'Id' ? 'broad' : undefined}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  )
}

/** What Python writes as ISO 8601, as a time here; anything else as it is. */
function momentOf(text: string | undefined) {
  const at = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(at) ? text : <Moment at={at / 1000} />
}

function TaskLink({ id }: { readonly id: string }) {
  return (
    <a class="mono breaks" href={hrefOf(`/tasks/${encodeURIComponent(id)}`)}>
      {id}
    </a>
  )
}

function calledWith({ args, kwargs }: TaskDetail): string | undefined {
  const parts = [args, kwargs].filter((text) => text !== undefined && text !== '')
  const telling = parts.filter((text) => text !== '()' && text !== '{}')
  return (telling.length === 0 ? parts[0] : telling.join('\n')) ?? undefined
}

function Outcome({ task }: { readonly task: TaskDetail }) {
  const { exception, traceback, result, hidden, kept } = task
  if (exception !== undefined || traceback !== undefined || task.state === 'FAILURE' || task.state === 'RETRY') {
    const from = traceback?.from ?? 'event'
    return (
      <Value title="Exception" part="errors" hidden={hidden} text={exception} from={from} kept={kept}>
        {traceback !== undefined && (
          <details open={task.state === 'FAILURE'}>
            <summary>Traceback</summary>
            <Code text={traceback.text} />
          </details>
        )}
      </Value>
    )
  }
  return <Value title="Result" part="results" hidden={hidden} text={result?.text} from={result?.from} kept={kept} />
}

interface ValueProps {
  readonly title: string
  readonly part: HiddenPart
  readonly hidden: readonly HiddenPart[]
  readonly text: string | undefined
  readonly from?: TaskValue['from'] | undefined
  readonly kept?: TaskDetail['kept']
  readonly children?: preact.ComponentChildren
}

function Value({ title, part, hidden, text, from, kept, children }: ValueProps) {
  const isHidden = hidden.includes(part)
  return (
    <section class="card value">
      <h3>
        {title}
        {text !== undefined && from !== undefined && (
          <span class="tag">
            {from === 'backend' ? `from ${kept?.by ?? 'the result backend'}` : 'as the event tells, shortened'}
          </span>
        )}
      </h3>
      {isHidden ? (
        <p class="faint">Hidden by the configuration of the monitor.</p>
      ) : text === undefined ? (
        <p class="faint">None has been told.</p>
      ) : (
        <Code text={text} />
      )}
      {kept?.problem !== undefined && from !== 'backend' && !isHidden && (
        <p class="faint">
          {kept.by} {kept.problem}.
        </p>
      )}
      {children}
    </section>
  )
}

function Attempts({ task: { attempts } }: { readonly task: TaskDetail }) {
  if (attempts.length === 0) return null
  return (
    <section aria-labelledby="attempts">
      <h2 id="attempts">Attempts</h2>
      <div class="card table-box">
        <table>
          <caption class="hidden">The runs of the code of this task</caption>
          <thead>
            <tr>
              <th scope="col">No.</th>
              <th scope="col">Outcome</th>
              <th scope="col">Started</th>
              <th scope="col" class="end">
                Took
              </th>
              <th scope="col" class="wide">
                Worker
              </th>
              <th scope="col" class="wide grows">
                Exception
              </th>
            </tr>
          </thead>
          <tbody>
            {attempts.map(({ number, outcome, started, ended, worker, note }) => (
              <tr key={number}>
                <th scope="row">{number}</th>
                <td>{outcome ?? 'running'}</td>
                <td>
                  <Moment at={started} />
                </td>
                <td class="end mono">{ended === undefined ? '–' : duration(ended - started)}</td>
                <td class="wide">
                  <span class="cut">{worker}</span>
                </td>
                <td class="wide grows">
                  <span class="cut mono">{note ?? '–'}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  )
}

function Timeline({ task: { timeline, omitted } }: { readonly task: TaskDetail }) {
  const [first] = timeline
  return (
    <section aria-labelledby="timeline">
      <h2 id="timeline">Timeline</h2>
      {first === undefined ? (
        <p class="card calm">No event of it was heard: a worker has said that it has it.</p>
      ) : (
        <ol class="card timeline">
          {omitted > 0 && <li class="faint">{omitted} older events are not kept</li>}
          {timeline.map(({ what, at, by, note }, index) => (
            <li key={index}>
              <span class="mono faint">{exactTime(at)}</span>
              <span class={`moment moment-${toneOf(what)}`}>{what}</span>
              <span class="faint cut">{by}</span>
              {index > 0 && <span class="faint mono">+{duration(at - first.at)}</span>}
              {note !== undefined && <span class="mono moment-note">{note}</span>}
            </li>
          ))}
        </ol>
      )}
    </section>
  )
}

function toneOf(what: string): string {
  if (what === 'succeeded') return 'good'
  if (what === 'failed') return 'bad'
  return what === 'retried' || what === 'revoked' || what === 'rejected' ? 'warn' : 'plain'
}
