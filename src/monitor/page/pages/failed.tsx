import { useState } from 'preact/hooks'
import type { FailedAnswer, FailedList, FailedRow } from '../../answers/failed.ts'
import type { SessionAnswer } from '../../answers/session.ts'
import { hrefOf } from '../address.ts'
import { act } from '../ask.ts'
import { count, momentOf } from '../format.ts'
import { Code } from '../parts/code.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { EditArguments } from '../parts/edit-arguments.tsx'
import { KeptMessages } from '../parts/kept-messages.tsx'
import { Moment } from '../parts/moment.tsx'
import { attempt } from '../parts/notices.tsx'
import { SelectAll, SelectionBar, SelectOne, useSelection } from '../parts/selection.tsx'

interface FailedProps {
  readonly query: URLSearchParams
  readonly session: SessionAnswer
}

const NONE = {
  title: 'Nothing failed for good',
  text: 'Tasks whose retries are used up come here with their error, and can run again. Workers that are told to drop failures, and those of Python, keep none.',
}

/** Tasks that failed for good, and what can be done with them. */
export function Failed({ query, session }: FailedProps) {
  return (
    <KeptMessages<FailedList> view="failed" query={query} none={NONE}>
      {(list, again) => <Failures list={list} session={session} again={again} />}
    </KeptMessages>
  )
}

interface FailuresProps {
  readonly list: FailedList
  readonly session: SessionAnswer
  readonly again: () => void
}

function Failures({ list: { queue, messages, unseen }, session, again }: FailuresProps) {
  const selection = useSelection(
    messages.flatMap(({ id }) => id ?? []),
    queue,
  )
  const { ids } = selection
  const [asks, setAsks] = useState(false)
  const [edited, setEdited] = useState<FailedRow>()
  const mayRetry = session.rights.includes('retry')
  const mayEdit = session.rights.includes('edit')
  const mayAct = mayRetry || mayEdit
  const change = async (verb: 'retry' | 'drop' | 'edit', body: object) => {
    await attempt(
      (answer) => told(verb, answer as FailedAnswer),
      () => act(`/api/failed/${verb}`, { queue, ...body }),
    )
    selection.selectAll(false)
    again()
  }
  return (
    <>
      {mayAct && (
        <SelectionBar selection={selection} what="failed tasks">
          {mayRetry && (
            <button type="button" disabled={ids.length === 0} onClick={() => void change('retry', { ids })}>
              Run again
            </button>
          )}
          {mayEdit && (
            <button type="button" class="danger" disabled={ids.length === 0} onClick={() => setAsks(true)}>
              Drop
            </button>
          )}
        </SelectionBar>
      )}
      <div class="card table-box">
        <table class="kept">
          <caption class="hidden">Failed tasks of {queue}</caption>
          <thead>
            <tr>
              {mayAct && <SelectAll selection={selection} />}
              <th scope="col">Task</th>
              <th scope="col">Error</th>
              <th scope="col" class="wide">
                When
              </th>
              <th scope="col" class="end wide">
                Tries
              </th>
              <th scope="col" class="wide">
                Detail
              </th>
            </tr>
          </thead>
          <tbody>
            {messages.map((row, index) => (
              <tr key={index}>
                {mayAct && <SelectOne selection={selection} id={row.id} task={row.task} />}
                <th scope="row">
                  <span class="row-name">{row.task ?? 'unknown'}</span>
                  {row.id !== undefined && (
                    <a class="faint mono breaks" href={hrefOf(`/tasks/${encodeURIComponent(row.id)}`)}>
                      {row.id}
                    </a>
                  )}
                </th>
                <td>
                  <span class="state bad">{row.error}</span>
                </td>
                <td class="wide">
                  <Moment at={momentOf(row.time)} />
                </td>
                <td class="end wide mono">{count(row.attempts)}</td>
                <td class="detail">
                  <Detail row={row} onEdit={mayEdit && row.args !== undefined ? () => setEdited(row) : undefined} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {unseen > 0 && <p class="faint">{count(unseen)} more were not looked at.</p>}
      {asks && (
        <Confirm
          title={`Drop ${count(ids.length)} failed tasks?`}
          text="They are gone for good, and can't run again."
          action="Drop"
          onConfirm={() => void change('drop', { ids })}
          onClose={() => setAsks(false)}
        />
      )}
      {edited?.args !== undefined && (
        <EditArguments
          task={edited.task ?? 'unknown'}
          text={edited.args}
          checkedBy={edited.checkedBy}
          onSend={(args) => void change('edit', { id: edited.id, args })}
          onClose={() => setEdited(undefined)}
        />
      )}
    </>
  )
}

interface DetailProps {
  readonly row: FailedRow
  readonly onEdit: (() => void) | undefined
}

function Detail({ row: { detail, traceback, first, rerun, node, kept, args }, onEdit }: DetailProps) {
  return (
    <details>
      <summary>{detail === '' ? 'More' : detail}</summary>
      <dl class="facts">
        <div>
          <dt>Failed on</dt>
          <dd>{node}</dd>
        </div>
        {rerun > 0 && (
          <div>
            <dt>Run again before</dt>
            <dd>{count(rerun)} times</dd>
          </div>
        )}
        {first !== undefined && (
          <div>
            <dt>First error</dt>
            <dd>
              {first.error} {first.detail}
            </dd>
          </div>
        )}
      </dl>
      {traceback !== undefined && traceback !== '' && <Code text={traceback} />}
      {args !== undefined && <Code text={args} />}
      {kept === 'headers' && <p class="faint">It was kept without its arguments, and can't run again.</p>}
      {onEdit !== undefined && (
        <button type="button" onClick={onEdit}>
          Edit and run again
        </button>
      )}
    </details>
  )
}

function told(verb: 'retry' | 'drop' | 'edit', { done, refused, reason, withoutChord }: FailedAnswer): string {
  const parts = [
    `${count(done)} ${done === 1 ? 'task' : 'tasks'} ${verb === 'drop' ? 'dropped' : 'sent again'}.`,
    refused > 0 ? `${count(refused)} stay: ${reason ?? 'they cannot run again'}.` : '',
    withoutChord > 0 ? `The chords of ${count(withoutChord)} of them are over: they run without.` : '',
  ]
  return parts.filter(Boolean).join(' ')
}
