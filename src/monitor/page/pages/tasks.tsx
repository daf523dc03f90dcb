import type { TaskList } from '../../answers/tasks.ts'
import { goTo, hrefOf } from '../address.ts'
import { count } from '../format.ts'
import { useLive } from '../live.ts'
import { Empty, Loaded } from '../parts/empty.tsx'
import { TaskTable } from '../parts/task-table.tsx'

const FILTERS = ['state', 'name', 'worker', 'text', 'span', 'before'] as const

type Filter = (typeof FILTERS)[number]

const SPANS: readonly (readonly [seconds: string, name: string])[] = [
  ['', 'any time'],
  ['60', 'last minute'],
  ['600', 'last 10 minutes'],
  ['3600', 'last hour'],
  ['86400', 'last day'],
]

/** The tasks that are remembered, by filters that are in the address. */
export function Tasks({ query }: { readonly query: URLSearchParams }) {
  const chosen = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ''])) as Record<Filter, string>
  const live = useLive<TaskList>(`/api/tasks?${searchOf(chosen)}`, ['tasks'])
  const choose = (changes: Partial<Record<Filter, string>>) =>
    goTo(hrefOf('/tasks', { ...chosen, before: '', ...changes }), 'replace')
  const isFiltered = FILTERS.some((name) => chosen[name] !== '')
  return (
    <>
      <Filters chosen={chosen} list={live.answer} choose={choose} />
      {live.answer?.limitation !== undefined && <p class="banner warn">{live.answer.limitation}</p>}
      <Loaded live={live} lines={14}>
        {(list) =>
          list.tasks.length === 0 ? (
            <Nothing isFiltered={isFiltered} />
          ) : (
            <div class={live.isOld ? 'old' : ''} aria-busy={live.isOld}>
              <TaskTable tasks={list.tasks} caption="Tasks, those heard of last first" shows="args" />
              <Pages list={list} chosen={chosen} />
            </div>
          )
        }
      </Loaded>
    </>
  )
}

function Nothing({ isFiltered }: { readonly isFiltered: boolean }) {
  if (!isFiltered) {
    const text = (
      <>
        Tasks appear here once a worker tells of them: start workers with <code>-E</code>, or switch their events on on
        the page of <a href={hrefOf('/workers')}>workers</a>.
      </>
    )
    return <Empty title="No task has been heard of yet" text={text} />
  }
  return <Empty title="No task passes these filters" text={<a href={hrefOf('/tasks')}>Show all tasks</a>} />
}

interface FiltersProps {
  readonly chosen: Readonly<Record<Filter, string>>
  readonly list: TaskList | undefined
  readonly choose: (changes: Partial<Record<Filter, string>>) => void
}

function Filters({ chosen, list, choose }: FiltersProps) {
  const on = (name: Filter) => (event: Event) => choose({ [name]: (event.target as HTMLInputElement).value })
  return (
    <form class="filters" aria-label="Filter tasks" onSubmit={(event) => event.preventDefault()}>
      <label>
        <span>State</span>
        <select value={chosen.state} onChange={on('state')}>
          <option value="">any</option>
          {withChosen(list?.states, chosen.state).map((state) => (
            <option key={state} value={state}>
              {state}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Name</span>
        <input
          type="search"
          list="names"
          placeholder="emails.*"
          value={chosen.name}
          onInput={on('name')}
          maxLength={300}
        />
        <datalist id="names">
          {list?.names.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      </label>
      <label>
        <span>Worker</span>
        <select value={chosen.worker} onChange={on('worker')}>
          <option value="">any</option>
          {withChosen(list?.workers, chosen.worker).map((worker) => (
            <option key={worker} value={worker}>
              {worker}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Time</span>
        <select value={chosen.span} onChange={on('span')}>
          {SPANS.map(([seconds, name]) => (
            <option key={seconds} value={seconds}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <label class="filter-text">
        <span>Text</span>
        <input
          type="search"
          placeholder="id, argument, exception"
          value={chosen.text}
          onInput={on('text')}
          maxLength={300}
        />
      </label>
      <p class="filter-count" aria-live="polite">
        {list === undefined ? ' ' : `${count(list.matching)} of ${count(list.remembered)}`}
      </p>
    </form>
  )
}

function Pages({ list, chosen }: { readonly list: TaskList; readonly chosen: Readonly<Record<Filter, string>> }) {
  if (list.next === undefined && chosen.before === '') return null
  return (
    <nav class="pages" aria-label="Pages">
      {chosen.before !== '' && (
        <a class="button" href={hrefOf('/tasks', { ...chosen, before: '' })}>
          Newest
        </a>
      )}
      {list.next !== undefined && (
        <a class="button" href={hrefOf('/tasks', { ...chosen, before: list.next })}>
          Older
        </a>
      )}
    </nav>
  )
}

function withChosen(all: readonly string[] | undefined, chosen: string): readonly string[] {
  const known = all ?? []
  return chosen === '' || known.includes(chosen) ? known : [chosen, ...known]
}

function searchOf({ span, ...others }: Readonly<Record<Filter, string>>): string {
  const search = new URLSearchParams(Object.entries(others).filter(([, value]) => value !== ''))
  // By the minute: the question stays the same for a while, and so does what is shown.
  if (/^\d+$/.test(span)) search.set('since', String(Math.floor(Date.now() / 60_000) * 60 - Number(span)))
  return search.toString()
}
