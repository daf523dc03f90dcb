import { type CeleryGroup, celeryGroups } from '../../src/config/celery-groups.ts'
import { celeryAttributes } from '../../src/tasks/celery-attributes.ts'
import { markdownTable } from './markdown-table.ts'

/** The settings of Celery as docs/from-celery.md shows them: those that have a counterpart, and those that have none. */
export function celeryMarkdown(): { readonly here: string; readonly notHere: string } {
  const [here, notHere] = [celeryGroups.filter((group) => group.here), celeryGroups.filter((group) => !group.here)]
  return {
    here: markdownTable(
      ['Celery', 'twq', ''],
      here.map((group) => [namesOf(group), `\`${group.here}\``, group.note ?? '']),
    ),
    notHere: markdownTable(
      ['Celery', 'here'],
      notHere.map((group) => [namesOf(group), group.note ?? '']),
    ),
  }
}

/** The attributes of Celery's tasks, with what defineTask has instead. */
export function attributesMarkdown(): string {
  const { here, notHere } = celeryAttributes
  const rows = Object.entries({ ...here, ...notHere }).map(([name, answer]) => [`\`${name}\``, answer])
  return markdownTable(['attribute', 'here'], rows)
}

/** Of many with one beginning only that: `cassandra_*`. */
function namesOf({ names }: CeleryGroup): string {
  const families = new Map<string, string[]>()
  for (const name of names) {
    const family = name.split('_')[0] as string
    families.set(family, [...(families.get(family) ?? []), name])
  }
  const short = names.length > 12
  const shown = short
    ? [...families].map(([family, members]) => (members.length > 1 ? `${family}_*` : (members[0] as string)))
    : names
  return shown.map((name) => `\`${name}\``).join(', ')
}
