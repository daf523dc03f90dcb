import { clockTime, isoTime } from '../format.ts'

/** A moment; the whole of it is in its title. */
export function Moment({ at }: { readonly at: number | undefined }) {
  if (at === undefined) return <span class="faint">–</span>
  return (
    <time dateTime={isoTime(at)} title={isoTime(at)} class="mono">
      {clockTime(at)}
    </time>
  )
}
