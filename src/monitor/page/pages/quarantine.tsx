import { useState } from 'preact/hooks'
import type { QuarantinedRow, QuarantineList, SweepAnswer } from '../../answers/actions.ts'
import type { SessionAnswer } from '../../answers/session.ts'
import { act } from '../ask.ts'
import { count, momentOf } from '../format.ts'
import { Code } from '../parts/code.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { KeptMessages } from '../parts/kept-messages.tsx'
import { Moment } from '../parts/moment.tsx'
import { attempt } from '../parts/notices.tsx'
import { SelectAll, SelectionBar, SelectOne, useSelection } from '../parts/selection.tsx'

interface QuarantineProps {
  readonly query: URLSearchParams
  readonly session: SessionAnswer
}

const NONE = {
  title: 'Nothing was set aside',
  text: 'Messages that no worker can use come here, with the reason: unknown tasks, malformed ones, those that kill their workers.',
}

/** Messages that workers set aside, and what can be done with them. */
export function Quarantine({ query, session }: QuarantineProps) {
  return (
    <KeptMessages<QuarantineList> view="quarantine" query={query} none={NONE}>
      {(list, again) => <Messages list={list} session={session} again={again} />}
    </KeptMessages>
  )
}

interface MessagesProps {
  readonly list: QuarantineList
  readonly session: SessionAnswer
  readonly again: () => void
}

function Messages({ list: { queue, messages, unseen }, session, again }: MessagesProps) {
  const [asks, setAsks] = useState(false)
  const selection = useSelection(
    messages.flatMap(({ id }) => id ?? []),
    queue,
  )
  const { ids } = selection
  const sweep = async (verb: 'replay' | 'drop') => {
    await attempt(
      (answer) => told(verb, answer as SweepAnswer),
      () => act(`/api/quarantine/${verb}`, { queue, ids }),
    )
    selection.selectAll(false)
    again()
  }
  const mayReplay = session.rights.includes('retry')
  const mayDrop = session.rights.includes('edit')
  return (
    <>
      {(mayReplay || mayDrop) && (
        <SelectionBar selection={selection} what="messages">
          {mayReplay && (
            <button type="button" disabled={ids.length === 0} onClick={() => void sweep('replay')}>
              Run again
            </button>
          )}
          {mayDrop && (
            <button type="button" class="danger" disabled={ids.length === 0} onClick={() => setAsks(true)}>
              Drop
            </button>
          )}
        </SelectionBar>
      )}
      <div class="card table-box">
        <table class="kept">
          <caption class="hidden">Messages of the quarantine of {queue}</caption>
          <thead>
            <tr>
              {(mayReplay || mayDrop) && <SelectAll selection={selection} />}
              <th scope="col">Task</th>
              <th scope="col">Reason</th>
              <th scope="col" class="wide">
                When
              </th>
              <th scope="col" class="wide">
                Detail
              </th>
            </tr>
          </thead>
          <tbody>
            {messages.map((message, index) => (
              <tr key={index}>
                {(mayReplay || mayDrop) && <SelectOne selection={selection} id={message.id} task={message.task} />}
                <th scope="row">
                  <span class="row-name">{message.task ?? 'unknown'}</span>
                  <span class="faint mono breaks">{message.id ?? 'without an id'}</span>
                </th>
                <td>
                  <span class="state warn">{message.reason}</span>
                </td>
                <td class="wide">
                  <Moment at={momentOf(message.time)} />
                </td>
                <td class="detail">
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
          title={`Drop ${count(ids.length)} messages?`}
          text="They are gone for good, and nothing runs for them."
          action="Drop"
          onConfirm={() => void sweep('drop')}
          onClose={() => setAsks(false)}
        />
      )}
    </>
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
