import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { count } from '../format.ts'

/** What is selected of a list of messages, by the ids of their tasks. */
export interface Selection {
  /** The selected ones that are still in the list. */
  readonly ids: readonly string[]
  readonly isWhole: boolean
  has(id: string): boolean
  select(id: string, isSelected: boolean): void
  selectAll(isSelected: boolean): void
}

/** A selection among `ids`, empty again for another queue. */
export function useSelection(ids: readonly string[], queue: string): Selection {
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  useEffect(() => setChosen(new Set()), [queue])
  const there = ids.filter((id) => chosen.has(id))
  return {
    ids: there,
    isWhole: ids.length > 0 && there.length === ids.length,
    has: (id) => chosen.has(id),
    select(id, isSelected) {
      const next = new Set(chosen)
      if (isSelected) next.add(id)
      else next.delete(id)
      setChosen(next)
    },
    selectAll: (isSelected) => setChosen(new Set(isSelected ? ids : [])),
  }
}

/** The buttons for what is selected. */
export function SelectionBar({
  selection,
  what,
  children,
}: {
  readonly selection: Selection
  readonly what: string
  readonly children: ComponentChildren
}) {
  const { length } = selection.ids
  return (
    <fieldset class="bar">
      <legend class="hidden">With what is selected</legend>
      <span>{length === 0 ? `Select ${what} to act on them` : `${count(length)} selected`}</span>
      {children}
    </fieldset>
  )
}

/** The head of the column of boxes. */
export function SelectAll({ selection }: { readonly selection: Selection }) {
  return (
    <th scope="col" class="check">
      <input
        type="checkbox"
        aria-label="Select all"
        checked={selection.isWhole}
        onChange={(event) => selection.selectAll(event.currentTarget.checked)}
      />
    </th>
  )
}

/** The box of one message, which is of no use without an id. */
export function SelectOne({
  selection,
  id,
  task,
}: {
  readonly selection: Selection
  readonly id: string | undefined
  readonly task: string | undefined
}) {
  return (
    <td class="check">
      {id !== undefined && (
        <input
          type="checkbox"
          aria-label={`Select ${task ?? 'unknown'} ${id}`}
          checked={selection.has(id)}
          onChange={(event) => selection.select(id, event.currentTarget.checked)}
        />
      )}
    </td>
  )
}
