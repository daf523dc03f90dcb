import { useEffect, useState } from 'preact/hooks'
import type { QuarantinedRow, QuarantineList, SweepAnswer } from '../../answers/actions.ts'
import type { SessionAnswer } from '../../answers/session.ts'
import { goTo, hrefOf } from '../address.ts'
import { act } from '../ask.ts'
import { count } from '../format.ts'
import { useLive } from '../live.ts'
import { Code } from '../parts/code.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Empty, Loaded } from '../parts/empty.tsx'
import { attempt } from '../parts/notices.tsx'

interface QuarantineProps {
  readonly query: URLSearchParams
  readonly session: SessionAnswer
}

// Looking goes through the queue: not as often as depths are asked for.
const EVERY = 30_000

/** Messages that workers set aside, and what can be done with them. */
export function Quarantine({ query, session }: QuarantineProps) {
  const queue = query.get('queue') ?? ''
  const live = useLive<QuarantineList>(
    `/api/quarantine${queue === '' ? '' : `?${new URLSearchParams({ queue })}`}`,
    [],
    EVERY,
  )
  return (
    <Loaded live={live}>
      {(list) => (
        <>
          <div class="filters few">
            <label>
              <span>Queue</span>
              <select
                value={list.queue}
                onChange={(event) => goTo(hrefOf('/quarantine', { queue: event.currentTarget.value }), 'replace')}
              >
                {queuesOf(list).map(({ name, ready }) => (
                  <option key={name} value={name}>
                    {name} ({count(ready)})
                  </option>
                ))}
              </select>
            </label>
            <button type="button" onClick={live.again}>
              Look again
            </button>
          </div>
          {list.messages.length === 0 ? (
            <Empty
              title="Nothing was set aside"
              text="Messages that no worker can use come here, with the reason: unknown tasks, malformed ones, those that kill their workers."
            />
          ) : (
            <Messages list={list} session={session} again={live.again} />
          )}
        </>
      )}
    </Loaded>
  )
}

function queuesOf({ queues, queue }: QuarantineList): QuarantineList['queues'] {
  return queues.some(({ name }) => name === queue) ? queues : [{ name: queue, ready: 0 }, ...queues]
}

interface MessagesProps {
  readonly list: QuarantineList
  readonly session: SessionAnswer
  readonly again: () => void
}

function Messages({ list: { queue, messages, unseen }, session, again }: MessagesProps) {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [asks, setAsks] = useState(false)
  const ids = messages.flatMap(({ id }) => id ?? [])
  const there = ids.filter((id) => chosen.has(id))
  useEffect(() => setChosen(new Set()), [queue])
  const sweep = async (verb: 'replay' | 'drop') => {
    await attempt(
      (answer) => told(verb, answer as SweepAnswer),
      () => act(`/api/quarantine/${verb}`, { queue, ids: there }),
    )
    setChosen(new Set())
    again()
  }
  const mayReplay = session.rights.includes('retry')
  const mayDrop = session.rights.includes('edit')
  return (
    <>
      {(mayReplay || mayDrop) && (
        <fieldset class="bar">
          <legend class="hidden">With what is selected</legend>
          <span>{there.length === 0 ? 'Select messages to act on them' : `${count(there.length)} selected`}</span>
          {mayReplay && (
            <button type="button" disabled={there.length === 0} onClick={() => void sweep('replay')}>
              Run again
            </button>
          )}
          {mayDrop && (
            <button type="button" class="danger" disabled={there.length === 0} onClick={() => setAsks(true)}>
              Drop
            </button>
          )}
        </fieldset>
      )}
      <div class="card table-box">
        <table>
          <caption class="hidden">Messages of the quarantine of {queue}</caption>
          <thead>
            <tr>
              {(mayReplay || mayDrop) && (
                <th scope="col" class="check">
                  <input
                    type="checkbox"
                    aria-label="Select all"
                    checked={there.length === ids.length && ids.length > 0}
                    onChange={(event) => setChosen(new Set(event.currentTarget.checked ? ids : []))}
                  />
                </th>
              )}
              <th scope="col">Task</th>
              <th scope="col">Reason</th>
              <th scope="col" class="wide">
                When
              </th>
              <th scope="col" class="wide grows">
                Detail
              </th>
            </tr>
          </thead>
          <tbody>
            {messages.map((message, index) => (
              <tr key={index}>
                {(mayReplay || mayDrop) && (
                  <td class="check">
                    <Choice message={message} chosen={chosen} onChange={setChosen} />
                  </td>
                )}
                <th scope="row">
                  <span class="row-name">{message.task ?? 'unknown'}</span>
                  <span class="faint mono breaks">{message.id ?? 'without an id'}</span>
                </th>
                <td>
                  <span class="state warn">{message.reason}</span>
                </td>
                <td class="wide mono">{message.time.slice(0, 19).replace('T', ' ')}</td>
                <td class="wide grows">
                  <Detail message={message} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {unseen > 0 && <p class="faint">{count(unseen)} more were not looked at.</p>}
      {asks && (
        <Confirm
          title={`Drop ${count(there.length)} messages?`}
          text="They are gone for good, and nothing runs for them."
          action="Drop"
          onConfirm={() => void sweep('drop')}
          onClose={() => setAsks(false)}
        />
      )}
    </>
  )
}

interface ChoiceProps {
  readonly message: QuarantinedRow
  readonly chosen: ReadonlySet<string>
  readonly onChange: (chosen: ReadonlySet<string>) => void
}

function Choice({ message: { id, task }, chosen, onChange }: ChoiceProps) {
  if (id === undefined) return null
  const toggle = (isChosen: boolean) => {
    const next = new Set(chosen)
    if (isChosen) next.add(id)
    else next.delete(id)
    onChange(next)
  }
  return (
    <input
      type="checkbox"
      aria-label={`Select ${task ?? 'unknown'} ${id}`}
      checked={chosen.has(id)}
      onChange={(event) => toggle(event.currentTarget.checked)}
    />
  )
}

function Detail({ message: { detail, body, history, starts, node } }: { readonly message: QuarantinedRow }) {
  return (
    <details>
      <summary>{detail === '' ? 'Message' : detail}</summary>
      <dl class="facts">
        <div>
          <dt>Set aside by</dt>
          <dd>{node}</dd>
        </div>
        {starts !== undefined && (
          <div>
            <dt>Started</dt>
            <dd>{starts} times</dd>
          </div>
        )}
      </dl>
      {history.length > 0 && <Code text={history.join('\n')} />}
      {body === undefined ? (
        <p class="faint">Its body is hidden, or was not put there by a worker.</p>
      ) : (
        <Code text={body} />
      )}
    </details>
  )
}

function told(verb: 'replay' | 'drop', { done, foreign, inChords }: SweepAnswer): string {
  const parts = [
    `${count(done)} ${done === 1 ? 'message' : 'messages'} ${verb === 'replay' ? 'published again' : 'dropped'}.`,
    foreign > 0 ? `${count(foreign)} were not put there by twq and stay.` : '',
    inChords > 0 ? `The chords of ${count(inChords)} of them are over.` : '',
  ]
  return parts.filter(Boolean).join(' ')
}
