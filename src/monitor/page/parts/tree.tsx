import type { TaskTree, TreeNode } from '../../answers/tasks.ts'
import { hrefOf } from '../address.ts'
import { duration } from '../format.ts'
import { useLive } from '../live.ts'
import { State } from './state.tsx'

/** The workflow that a task belongs to; nothing for a task that stands alone. */
export function Tree({ id }: { readonly id: string }) {
  const { answer } = useLive<TaskTree>(`/api/tasks/${encodeURIComponent(id)}/tree`, ['tasks'])
  if (answer === undefined || answer.nodes.length < 2) return null
  const known = new Set(answer.nodes.map((node) => node.id))
  const children = new Map<string | undefined, TreeNode[]>()
  for (const node of answer.nodes) {
    const parent =
      node.parentId !== undefined && known.has(node.parentId) && node.parentId !== node.id ? node.parentId : undefined
    children.set(parent, [...(children.get(parent) ?? []), node])
  }
  return (
    <section aria-labelledby="tree">
      <h2 id="tree">Workflow</h2>
      <div class="card tree">
        <Branch parent={undefined} of={children} shown={id} depth={0} />
        {answer.cut && <p class="faint">It has more tasks than are shown.</p>}
      </div>
    </section>
  )
}

interface BranchProps {
  readonly parent: string | undefined
  readonly of: ReadonlyMap<string | undefined, readonly TreeNode[]>
  readonly shown: string
  readonly depth: number
}

// Ids come from the wire, and could go in circles.
const DEEPEST = 30

function Branch({ parent, of, shown, depth }: BranchProps) {
  const nodes = of.get(parent)
  if (nodes === undefined || depth > DEEPEST) return null
  return (
    <ul>
      {nodes.map((node) => (
        <li key={node.id}>
          <a
            href={hrefOf(`/tasks/${encodeURIComponent(node.id)}`)}
            aria-current={node.id === shown ? 'true' : undefined}
          >
            {node.name ?? node.id}
          </a>
          <State state={node.state} />
          <span class="faint mono">{duration(node.runtime)}</span>
          <Branch parent={node.id} of={of} shown={shown} depth={depth + 1} />
        </li>
      ))}
    </ul>
  )
}
