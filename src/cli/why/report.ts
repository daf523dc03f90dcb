import { styleText } from 'node:util'
import { cutText } from '../../runtime/text/cut-text.ts'
import { maskPasswords } from '../../runtime/text/mask-passwords.ts'
import { printable } from '../../runtime/text/printable.ts'
import { type Evidence, type Look, seen } from './evidence.ts'
import type { Statement } from './statement.ts'

/** A source that could not be asked, and why. */
export interface UnseenSource {
  readonly source: string
  readonly why: string
}

/** The sources that could not be asked, in which the answer may lie. */
export function unseenSources({
  broker,
  workers,
  result,
  queues,
  delayed,
  aside,
  route,
}: Evidence): readonly UnseenSource[] {
  const of = (source: string, look: Look<unknown>): readonly UnseenSource[] =>
    look.kind === 'seen'
      ? []
      : [{ source, why: look.hint === undefined ? look.why : `${look.why}. ${look.hint.replaceAll('\n', ' ')}` }]
  const silent = (seen(workers) ?? [])
    .filter(({ silentOn }) => silentOn.length > 0)
    .map(({ node, silentOn }) => ({ source: `worker ${node}`, why: `it did not answer ${silentOn.join(', ')}` }))
  const ofBroker =
    broker.kind === 'unseen'
      ? of('broker', broker)
      : [
          ...of('workers', workers),
          ...of('queues', queues),
          ...of('delayed delivery', delayed),
          ...aside.flatMap(({ name, look }) => of(`queue ${name}`, look)),
        ]
  return [...ofBroker, ...of('results', result), ...of('routes', route), ...silent]
}

/** The statements for people: each with what was seen, and the command that helps. */
export function statementLines(statements: readonly Statement[]): string {
  return statements.map(linesOf).join('')
}

function linesOf({ certainty, sentence, evidence, command }: Statement): string {
  const colour = certainty === 'certain' ? 'green' : 'yellow'
  const label = styleText(colour, certainty.padEnd(9), { stream: process.stdout })
  const lines = [`${label}  ${safe(sentence)}`]
  for (const seen of evidence) lines.push(`           seen: ${safe(seen)}`)
  if (command !== undefined) lines.push(`           command: ${safe(command)}`)
  return `${lines.join('\n')}\n`
}

function safe(text: string): string {
  return printable(maskPasswords(cutText(text)))
}
