import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { globSync } from 'tinyglobby'
import { beforeAll, describe, expect, it } from 'vitest'
import { layers, never, sideways } from '../architecture/layer-rules.ts'
import { arrows } from '../architecture/rooms.ts'
import { CallGraph } from '../support/call-graph.ts'
import { rowsOf } from '../support/markdown-table.ts'

const ROOT = join(import.meta.dirname, '../..')
const SRC = join(ROOT, 'src')
const page = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8')

describe('docs/architecture.md', () => {
  it('names files and folders that exist', () => {
    const paths = [...page.matchAll(/`((?:[\w.-]+\/)*(?:[\w.-]+\.ts|[\w-]+\/))`/g)].map(([, path = '']) => path)
    const places = [SRC, join(SRC, 'worker'), ROOT]
    expect(paths.length).toBeGreaterThan(80)
    expect(paths.filter((path) => !places.some((place) => existsSync(join(place, path))))).toEqual([])
  })

  it('names classes, types and methods that the source declares', () => {
    const names = [...page.matchAll(/`([A-Z][a-z]\w+(?:\.#?\w+)?|[a-z]+[A-Z]\w+\(\))`/g)].map(([, name = '']) => name)
    const source = globSync('**/*.ts', { cwd: SRC }).map((file) => readFileSync(join(SRC, file), 'utf8'))
    const declared = (name: string): boolean => {
      const [owner, member] = name.split('.')
      const owning = source.filter((text) =>
        new RegExp(`\\b(class|interface|type|function|const) ${owner}\\b`).test(text),
      )
      return owning.some((text) => member === undefined || new RegExp(`^ +(async )?${member}[(<]`, 'm').test(text))
    }
    expect(names.length).toBeGreaterThan(20)
    expect(names.filter((name) => !declared(name))).toEqual([])
  })

  it('has the layers that the architecture test checks', () => {
    const rows = rowsOf(page, 'layer').map((row) => row.slice(0, 3))
    const present = layers.map(existing).filter((parts) => parts.length > 0)
    const expected = present.map((parts, index) => [`${index + 1}`, parts.map(named).join(', '), exceptionsOf(parts)])
    expect(rows).toEqual(expected)
  })

  it('has the rooms of the worker, and what they may import', () => {
    const rooms = Object.entries(arrows.worker!).filter(([room]) => room !== '.')
    const expected = new Map(rooms.map(([room, others]) => [named(room), others.map(named).join(', ')]))
    const rows = rowsOf(page, 'room of `worker/`').map(([room = '', imports = '']) => [room, imports] as const)
    expected.set(named('quarantine'), '')
    expect(new Map(rows)).toEqual(expected)
  })
})

describe("a message's way", () => {
  const hops = rowsOf(page, '#').map(([number = '', from = '', file = '', code = '']) => ({
    number: Number(number),
    from,
    file: join(SRC, plain(file)),
    code: plain(code),
  }))
  let graph: CallGraph

  beforeAll(() => {
    graph = new CallGraph(ROOT, [...new Set(hops.map(({ file }) => file)), join(SRC, 'broker/channels/channel-set.ts')])
  }, 120_000)

  it('takes at most 14 hops, from Channel.consume to the acknowledgement', () => {
    expect(hops.map(({ number }) => number)).toEqual(hops.map((_, index) => index + 1))
    expect(hops.length).toBeLessThanOrEqual(14)
    expect([hops[0]?.code, hops.at(-1)?.code]).toEqual(['AmqpChannel.consume', 'Answers.ack'])
    expect(hops.map(({ code }) => code)).toContain('settle')
  })

  it('names what the files export', () => {
    expect(hops.filter(({ file, code }) => graph.find(file, code) === undefined)).toEqual([])
  })

  it('is the way that go-to-definition goes', () => {
    const called = hops.filter(({ from }) => /^\d+$/.test(from))
    expect(called.length).toBe(hops.length - 2)
    const broken = called.filter(({ from, file, code }) => {
      const caller = hops[Number(from) - 1]!
      return !graph.leads(graph.find(caller.file, caller.code)!, graph.find(file, code)!)
    })
    expect(broken).toEqual([])
  })

  it('begins with the callback that the consumer gives to Channel.consume', () => {
    const [first, second] = hops
    const subscribing = graph.find(second!.file, 'QueueConsumers.#consume')!
    const among = graph.find(join(SRC, 'broker/channels/channel-set.ts'), 'ChannelSet.consume')!
    expect(graph.leads(subscribing, graph.find(second!.file, second!.code)!)).toBe(true)
    expect(graph.leads(subscribing, among)).toBe(true)
    expect(graph.leads(among, graph.find(first!.file, first!.code)!)).toBe(true)
  })

  it('is not any way: what a hop does not call is not found from it', () => {
    const [first, , intake] = hops.map(({ file, code }) => graph.find(file, code)!)
    expect(graph.leads(first!, intake!)).toBe(false)
    expect(graph.leads(intake!, first!)).toBe(false)
  })
})

describe('the life of a request', () => {
  const diagram = /```mermaid\n([^`]*)```/.exec(page)?.[1] ?? ''
  const transitions = [...diagram.matchAll(/^ +(\S+) --> (\S+)(?: : (.*))?$/gm)].map(([, from, to, label]) => ({
    from,
    to,
    label,
  }))

  it('goes through the states of the type', () => {
    const states = new Set(transitions.flatMap(({ from, to }) => [from, to]).filter((state) => state !== '[*]'))
    expect([...states].sort()).toEqual(literalsOf('worker/request/request.ts', 'RequestState').sort())
  })

  it('ends with one of the answers to the broker', () => {
    const answers = transitions.filter(({ to }) => to === 'settled').map(({ label }) => label)
    expect(answers).toEqual(literalsOf('worker/settle/settlement.ts', 'AckAction'))
  })
})

/** The texts of a union type: `export type X = 'a' | 'b'`. */
function literalsOf(file: string, type: string): string[] {
  const [, union = ''] =
    new RegExp(`^export type ${type} = (.*)$`, 'm').exec(readFileSync(join(SRC, file), 'utf8')) ?? []
  return union.match(/(?<=')[\w-]+(?=')/g) ?? []
}

function existing(parts: readonly string[]): string[] {
  return parts.filter((part) => existsSync(join(SRC, part)))
}

/** What else the folders of a layer may import, or may not, in the words of the page. */
function exceptionsOf(parts: readonly string[]): string {
  const sentences = parts.flatMap((part) => {
    const beside = existing(sideways[part] ?? []).map(named)
    const forbidden = (never[part] ?? []).map(named)
    return [
      ...(beside.length > 0 ? [`${named(part)} imports ${beside.join(', ')}`] : []),
      ...(forbidden.length > 0 ? [`${named(part)} never imports ${forbidden.join(', ')}`] : []),
    ]
  })
  return sentences.join('; ')
}

function named(part: string): string {
  return part.endsWith('.ts') ? `\`${part}\`` : `\`${part}/\``
}

function plain(cell: string): string {
  return cell.replaceAll('`', '')
}
